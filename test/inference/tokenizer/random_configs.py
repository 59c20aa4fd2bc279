"""Random small tokenizers with every kind of part, to compare with: python random_configs.py <folder> <seed> <count>."""
import json, random, sys, os
from tokenizers import Tokenizer, models as M, normalizers as N, pre_tokenizers as P, decoders as D, processors as PP, trainers as T, Regex, AddedToken
out=sys.argv[1]; seed=int(sys.argv[2]); count=int(sys.argv[3])
os.makedirs(out,exist_ok=True)
rng=random.Random(seed)
base=os.path.join(os.environ.get('PLEXUS_SHARED','../shared'),'datasets')
texts=[]
for f in ('text/botchan.txt','text/wagahaiwa_nekodearu.txt'): texts+=open(f'{base}/{f}',encoding='utf8').read().split('\n')[:800]
for l in open(f'{base}/langid/cld3-samples.jsonl',encoding='utf8'): texts+= [v for v in json.loads(l).values() if isinstance(v,str)]
rng.shuffle(texts)
pre_json=json.load(open(os.path.join(os.environ.get('PLEXUS_SHARED','../shared'),'tokenizers/t5-small/tokenizer.json')))['normalizer']
def norm1():
    k=rng.randrange(15)
    if k==0:return N.BertNormalizer(clean_text=rng.random()<.7,handle_chinese_chars=rng.random()<.6,strip_accents=rng.choice([None,True,False]),lowercase=rng.random()<.6)
    if k==1:return N.Lowercase()
    if k==2:return N.NFC()
    if k==3:return N.NFD()
    if k==4:return N.NFKC()
    if k==5:return N.NFKD()
    if k==6:return N.StripAccents()
    if k==7:return N.Strip(left=rng.random()<.7,right=rng.random()<.7)
    if k==8:return rng.choice([N.Replace(' ','▁'),N.Replace(Regex(r'\s+'),' '),N.Replace(Regex(' {2,}'),'▁'),N.Replace('``','"'),N.Replace('a','bcd'),N.Replace(Regex('[aeiou]+'),''),N.Replace(Regex(r"(?<=\p{L})\p{M}+"),'x'),N.Replace(Regex(r'[\p{Han}&&[^\u4e00]]'),' 漢 '),N.Replace(Regex(r'\p{Cc}'),'')])
    if k==9:return N.Prepend(rng.choice(['▁','__',' ']))
    if k==10:return N.Nmt()
    if k==11:
        return N.Precompiled(__import__('base64').b64decode(pre_json['precompiled_charsmap']))
    if k==12:return N.ByteLevel()
    return None
def norm():
    r=rng.random()
    if r<.2:return None
    if r<.55:return norm1()
    xs=[x for x in (norm1() for _ in range(rng.randint(2,4))) if x is not None]
    return N.Sequence(xs)
B=['removed','isolated','merged_with_previous','merged_with_next','contiguous']
RX=[r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
r"\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))|\p{N}{1,3}",r"[一-龥぀-ゟ゠-ヿ]+",r"[\r\n]",r"\s?\p{L}+",r"\s?\p{P}+",r"\w+|[^\w\s]+",r"\b",r"\B",r"\d",r"[^\W\d_]+",r"(?<=\s)\S",r"$",r"^",r"\p{Lu}\p{Ll}*",r"x*",r"\S++\s?",r"(?>a|ab)c?",r"[[:punct:]]",r"[[:alpha:]\d]+",r"\h+",r"(?i)[a-f]+",r"\p{Emoji}",r"\p{Hiragana}+|\p{Katakana}+|\p{Han}+|\p{Hangul}+|\p{Arabic}+|\p{Thai}+",r".",r"\R",r"\p{^L}+",r"[^\s]+",r"[\p{M}\p{Sk}]+",r"\p{Sc}\s*\d",r"((?:https?|ftp)://[^\s]+)|\d+",r"<[^>]*>",r"\A\s*|\s*\z",r"[[:^space:]]",r"\p{Cn}",r"\p{Co}|\p{Cs}",r"\p{Alphabetic}+",r"\p{White_Space}",r"\p{Uppercase}+",r"[^ ]*ing\b"]
def pre1():
    k=rng.randrange(14)
    if k==0:return P.BertPreTokenizer()
    if k==1:return P.Whitespace()
    if k==2:return P.WhitespaceSplit()
    if k==3:return P.Metaspace(replacement=rng.choice(['▁','_']),prepend_scheme=rng.choice(['always','first','never']),split=rng.random()<.7)
    if k==4:return P.ByteLevel(add_prefix_space=rng.random()<.5,use_regex=rng.random()<.7)
    if k in(5,6):
        p=rng.choice(RX) if rng.random()<.8 else None
        return P.Split(Regex(p) if p else rng.choice([' ','a','. ','▁','']),rng.choice(B),invert=rng.random()<.3)
    if k==7:return P.Punctuation(rng.choice(B))
    if k==8:return P.Digits(individual_digits=rng.random()<.5)
    if k==9:return P.CharDelimiterSplit(rng.choice(['-',' ','の','e']))
    if k==10:return P.UnicodeScripts()
    if k==11:return P.FixedLength(length=rng.randint(1,7))
    return P.Split(Regex(rng.choice(RX[:4])),'isolated',invert=False)
def pre():
    r=rng.random()
    if r<.12:return None
    if r<.6:return pre1()
    return P.Sequence([pre1() for _ in range(rng.randint(2,3))])
def dec1():
    k=rng.randrange(12)
    if k==0:return D.ByteLevel()
    if k==1:return D.WordPiece(prefix='##',cleanup=rng.random()<.5)
    if k==2:return D.Metaspace(prepend_scheme=rng.choice(['always','first','never']))
    if k==3:return D.BPEDecoder(suffix='</w>')
    if k==4:return D.CTC(pad_token='<pad>',word_delimiter_token='|',cleanup=rng.random()<.5)
    if k==5:return D.Sequence([D.Replace('▁',' '),D.ByteFallback(),D.Fuse(),D.Strip(' ',1,0)])
    if k==6:return D.Replace(Regex('a+'),'o')
    if k==7:return D.Fuse()
    if k==8:return D.Strip('a',rng.randint(0,2),0)
    if k==9:return D.ByteFallback()
    return None
def proc(tk):
    ids=lambda t: tk.token_to_id(t)
    a,b=('<s>',ids('<s>')),('</s>',ids('</s>'))
    k=rng.randrange(7)
    if k==0:return PP.BertProcessing(b,a)
    if k==1:return PP.RobertaProcessing(b,a,trim_offsets=rng.random()<.7,add_prefix_space=rng.random()<.5)
    if k==2:return PP.TemplateProcessing(single='<s> $A </s>',pair='<s> $A </s> $B:1 </s>:1',special_tokens=[a,b])
    if k==3:return PP.ByteLevel(trim_offsets=rng.random()<.7)
    if k==4:return PP.Sequence([PP.ByteLevel(trim_offsets=True),PP.TemplateProcessing(single='<s> $A',pair='<s> $A <s>:1 $B:1',special_tokens=[a])])
    if k==5:return PP.TemplateProcessing(single='$A:3 </s>:2',pair='$B:1 </s> $A',special_tokens=[b])
    return None
made=0; i=0
while made<count:
    i+=1
    kind=rng.choice(['WordPiece','BPE','BPE','BPE','Unigram','Unigram','WordLevel'])
    byte=rng.random()<.4
    specials=['<unk>','<s>','</s>','<pad>']
    if kind=='WordPiece': m=M.WordPiece(unk_token='<unk>',max_input_chars_per_word=rng.choice([100,10]))
    elif kind=='WordLevel': m=M.WordLevel(unk_token='<unk>')
    elif kind=='Unigram': m=M.Unigram()
    else:
        kw={}
        if rng.random()<.8: kw['unk_token']='<unk>'
        if rng.random()<.3: kw['fuse_unk']=True
        if rng.random()<.3: kw['byte_fallback']=True
        if rng.random()<.3: kw['ignore_merges']=True
        if rng.random()<.2: kw['continuing_subword_prefix']='##'
        if rng.random()<.2: kw['end_of_word_suffix']='</w>'
        m=M.BPE(**kw)
    tk=Tokenizer(m)
    n=norm(); p=pre()
    if kind=='BPE' and byte: p=rng.choice([P.ByteLevel(add_prefix_space=rng.random()<.5,use_regex=rng.random()<.8),P.Sequence([P.Split(Regex(rng.choice(RX[:5])),'isolated',invert=False),P.ByteLevel(add_prefix_space=rng.random()<.3,use_regex=False)]),P.Sequence([P.Digits(True),P.ByteLevel(add_prefix_space=False)])])
    if n is not None: tk.normalizer=n
    if p is not None: tk.pre_tokenizer=p
    extra=[f'<0x{b:02X}>' for b in range(256)] if kind in('BPE','Unigram') and rng.random()<.5 else []
    size=rng.choice([300,800,2000])+len(extra)
    la=rng.choice([40,100,200])
    try:
        if kind=='WordPiece': tr=T.WordPieceTrainer(vocab_size=size,special_tokens=specials,limit_alphabet=la,show_progress=False)
        elif kind=='WordLevel': tr=T.WordLevelTrainer(vocab_size=size,special_tokens=specials,show_progress=False)
        elif kind=='Unigram': tr=T.UnigramTrainer(vocab_size=size,special_tokens=specials+extra,unk_token='<unk>',initial_alphabet=[],show_progress=False,max_piece_length=rng.choice([8,16]))
        else:
            ia=P.ByteLevel.alphabet() if byte else []
            kw={}
            if getattr(m,'continuing_subword_prefix',None): kw['continuing_subword_prefix']=m.continuing_subword_prefix
            if getattr(m,'end_of_word_suffix',None): kw['end_of_word_suffix']=m.end_of_word_suffix
            tr=T.BpeTrainer(vocab_size=size+len(ia),special_tokens=specials+extra,initial_alphabet=ia,limit_alphabet=la+len(ia),show_progress=False,**kw)
        start=rng.randrange(max(1,len(texts)-400))
        tk.train_from_iterator(texts[start:start+400],tr)
        if kind=='BPE' and not tk.token_to_id('<unk>'): pass
        # added tokens of all kinds
        for _ in range(rng.randint(0,6)):
            c=rng.choice(['the','Hello','foo','<x>','<|sep|>','é','É','の','ABC','  ','\n','ing','a b','[MASK]','ﬁ','e\u0301','Ünï'])+rng.choice(['','','1'])
            tok=AddedToken(c,single_word=rng.random()<.3,lstrip=rng.random()<.3,rstrip=rng.random()<.3,normalized=rng.random()<.5)
            (tk.add_special_tokens if rng.random()<.4 else tk.add_tokens)([tok])
        d=dec1()
        if d is not None: tk.decoder=d
        pp=proc(tk)
        if pp is not None: tk.post_processor=pp
        tk.encode("hello world")
        j=json.loads(tk.to_str())
        mm=j['model']
        if mm['type']=='BPE' and mm.get('byte_fallback') and (mm.get('continuing_subword_prefix') or mm.get('end_of_word_suffix')): continue
        if n is not None and any(t['normalized'] and n.normalize_str(t['content'])=='' for t in j['added_tokens']): continue
        path=f'{out}/{made:04d}.json'
        tk.save(path)
        Tokenizer.from_file(path)
        made+=1
    except BaseException as e:
        print('skip',kind,str(e)[:100],file=sys.stderr)
        if isinstance(e,KeyboardInterrupt): raise
