import { createClient, MeshError } from '../../client/index.js';

const plexus = createClient(process.argv[2] ?? '127.0.0.1:50050');

const { embeddings, model } = await plexus.embed.embed({ texts: ['a cat', 'a kitten'] });
console.log(embeddings.length, 'vectors from', model?.name, model?.version);

const { classifications } = await plexus.classify.zeroShot({
  texts: ['The team won the cup final'],
  labels: ['sport', 'cooking', 'politics'],
});
console.log(classifications[0]?.labels[0]?.label);

for await (const { delta } of plexus.summarize.summarizeStream({ text: 'One sentence. Another. A third one.' })) {
  if (delta) process.stdout.write(delta);
}

try {
  await plexus.embed.embed({ texts: [] });
} catch (error) {
  if (error instanceof MeshError) console.log(`\n${error.code}: ${error.message}`);
}
plexus.close();
