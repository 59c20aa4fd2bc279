# Two images from one file: `service` (tokenize, embed, classify, summarize, infer: whatever it is told to serve) and `gateway`, which
# has no onnxruntime and no models. Nothing is compiled or fetched at run time; both run as the user node on a read-only disk.
#   docker build --target service -t plexus-service .
#   docker build --target gateway -t plexus-gateway .
# Behind a private certificate authority: --secret id=ca,src=/path/to/ca.pem (and --network=host where builds need it).

FROM node:20-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No scripts: the only ones that would run fetch GPU libraries (.npmrc says so too).
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/ca.pem; fi; \
    npm ci --ignore-scripts

FROM dependencies AS build
COPY . .
RUN node_modules/.bin/tsc -p tsconfig.json --sourceMap false && rm -rf dist/test dist/bench dist/docs dist/.tsbuildinfo

FROM dependencies AS production
# 291 MB of onnxruntime-node are libraries of other systems; what stays is this one's.
RUN npm prune --omit=dev --ignore-scripts \
 && find node_modules -maxdepth 1 -type d -empty -delete \
 && cd node_modules/onnxruntime-node/bin/napi-v* \
 && case "$(uname -m)" in x86_64) keep=x64 ;; aarch64) keep=arm64 ;; esac \
 && find . -mindepth 2 -maxdepth 2 ! -path "./linux/$keep" -exec rm -rf {} + \
 && find . -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} + \
 && find . -name '*cuda*' -o -name '*tensorrt*' -o -name '*dawn*' | xargs -r rm -f

FROM production AS production-gateway
RUN rm -rf node_modules/onnxruntime-node node_modules/onnxruntime-common

FROM build AS build-gateway
RUN rm -rf dist/inference dist/models dist/services

FROM node:20-trixie-slim AS base
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY bin bin
COPY protos protos
COPY deploy/healthcheck.js deploy/healthcheck.js
USER node
HEALTHCHECK --interval=3s --timeout=3s --retries=3 --start-period=60s CMD ["node", "deploy/healthcheck.js"]

FROM base AS service
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY models/store models/store
# Weights in huge pages (inference/huge-pages.ts).
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1
ENV PLEXUS_ADDRESS=0.0.0.0:50051
EXPOSE 50051
ENTRYPOINT ["node", "bin/plexus.js", "serve"]

FROM base AS gateway
COPY --from=production-gateway /app/node_modules node_modules
COPY --from=build-gateway /app/dist dist
COPY pipelines pipelines
COPY dashboard dashboard
ENV PLEXUS_ADDRESS=0.0.0.0:50050 PLEXUS_HTTP_ADDRESS=0.0.0.0:8080
EXPOSE 50050 8080
ENTRYPOINT ["node", "bin/plexus.js", "serve"]
CMD ["gateway"]
