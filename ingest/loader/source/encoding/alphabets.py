"""The letters of languages beyond ASCII: how often each comes, and between which neighbors.

Counted over words of Django's and Wagtail's translations (BSD), the Unicode CLDR and Faker's names (MIT), each word
once a language, without regard to case (`python -m tests.bench.alphabets` counts them).
"""

import math
import re
from dataclasses import dataclass
from functools import cache

EDGE = "^"
"""Stands for the start or the end of a word."""
_SMOOTHED = 0.4
"""Of a thousand: what a letter counts for that was met too rarely to be listed."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter of an alphabet; everything in bits, the fewer the more usual."""

    bits: float
    before: dict[str, int]
    """What stands before it; empty where too few words were counted."""
    after: dict[str, int]


_LETTERS = """
German: ü325<2r3^f4glmnst5hjk6bd7wz>2b3clr4dghnt5fs6^7kmp ä238<3hlrw4^mpst5bfgjknz6de7ci>2n3hrt4gsu5cdfl6im7^bkqß
 ö215<2r3hl4^dkms5bgnz6fjptw7ev>2r3fns4chlt5gß6bdmvw7eipx ß166<1a3i4euö5o6ä7ü>0e4^5l6aiprsw7bfknz
 é13<2m3hr4lps>2^3m4ailu á7 í7 ó5 ú4 ã3 å2 ç2 ş2
French: é789<3^dr4lmnst5cfghipuv7aboy>3^er4clst5dgmnopv6af7biq è76<2i3hr4dlmt5cfgnsuv6p7by>2r3nst4glmqv5cd7^z
 ï30<0a4e5ou>2^3dt4nqr5abceglmsw ê19<3prtu4^fnv5bim>1t3c5mqv ô15<2hr3ct5d>1t2l4n5^mp î14<1a3^4r5o>2nt3l4^c
 ç13<1n2a4r5ei>2ao5u â8<2t3^4abclpré>2c3t4bgmqy û7<2o3ers4f>2t3lnr4^ á4 ó4 ü4 à3 ã2 ë2 í2 ʼ2
Spanish: ó239<1i3r4clt5degjmn6^ps7bvz>1n3^4l5gr6dmpst7fv á223<2r3mt4^clv5bdinpsz6fguy7jkw>2n3^4lrs5bcgimt6efpuxz7dvñ
 í201<2r3l4cdmntuv5^abfgs6hp7ñ>2^a3n4os5cgmt6efr7bd é164<3dmnt4clru5^bhis6apv7fgjkowy>1s3^r4ln5cdt6givx7abefjmqu
 ñ85<1a2e3i4u5o6áú7^íó>1ao3e4i6í7á ú72<3^gmnp4abt5cdefhlr6ijksyz>2n3^bls4r5agmtñ6cdz ü5 à2 ã2 è2
Portuguese: ã190<1ç3s4hirt5lm6gnv7bdp>0o4^7e ç173<1a3ei4n5oru6cp7í>1ã3aõ4o
 á154<2r3t4^ilmnpuv5bcds6gh7jo>2r3^4fglstv5bu6cdpqxz í116<3lrtu4acmns5^dfgv6ehü7biop>3cdnsv4gmt5bflpr6^aozç7kqx
 é80<2m3nt4lrv5^abfhpsu6cdg7ijox>2r3^cst4dlm5i6gno7afquvx ê71<2n3dtu4clmr5i6gv7bo>1s2n4^5mu6x7tv
 ó66<2t3cr4egilps5bdjmn6^v>2lr3g4pst5^dinv6bcfqx õ54<1ç3his5rt6mxz>0e ú36<2^3np4aeilmr5bht6cdjç>2l3bns4cdmrt6j
 â26<2ct3lr4z5^bdgmsu>1n2m ô20<2rt3dl4fpv5m>1n4^m5dor ü6 à2
Italian: à344<1t2r5i6nop>0^ ì113<1d3s4^lmr>1^ é106<2hm3p4lnr>1^3m4alrt è60 í46 á40 ò40 ù40 ü40 ó33 å20 ö13 č13 ʼ13 ß7
 ã7 ä7 æ7 ç7 õ7 ø7 ú7 ă7 ł7 ş7 ʻ7
Swedish: ä460<2rv3lt4^5bfgjkms6hn7d>2n3glr4mst5d6cfkv ö315<2f3^lrs4hj5bgkt6mn7du>2r3ms4adknv5gl6jp7^bfht
 å171<2^3ghlr4mp5nstv6e7bfky>3gklnst4^r5bde7hv é24<2r3dlm4h5knpsz>2^n4am5elrux á6 í5 ó4 ü4 ã2 ç2 ú2
Danish and Norwegian: ø471<3^rs4bfhjlnt5km6degip7av>2r4^degjklnsy5abmv7t æ309<2r3lv4bn5^fjkmpst7dg>2dr4gklns5t6bv7f
 å175<2g3r4^hlmnptv5d6befiks7aå>2rs4^dgklt5bnv7emå é27<1l4hmr5sv6^cgiknpt>1e3^r5m6alnux á3 ü3 í2 ó2
Finnish: ä818<2t3jlä4kmnpsv5r6i7dh>2^3nä4iklrty5hjms6epv ö112<2ky3t4lnr5bdijpö7^fhsvä>2^n4klprsty5bhö6ijm7adgoä
 š23<1t2a4i5^kmu>2i3aeu4k5^gmnot é13<2mr3dz4h5lp>1n3^4m5alrux ž10<1d>2ai4^p í4 á3 ó3 ü3 ʼ3 ú2 ı2
Icelandic: í245<3rst4ablnv5^dgkm6fhpþ7jx>2s3^n4akmtð5blr6deguv7p ð227<2ai3rí4u5eoæóö6fyáý7g>2^u3ai5g6bfmnrsv7ehkl
 ó134<3^jkt4bdghlrs5mnp6af7eiví>3^ln4kmrstvð5gp6abdf7hþ ú105<3^br4jklnst5dgmp7efhþ>3nr4^agklmst5bdpv6eix7jí
 á76<2r3^jm4hl5dfgnt6bkps7auzýþ>2l3^n4akrsð5fgt6deimíþ7hpz æ59<2v3fl4bhmrst5^n6dgp7kþ>2r3lstð4gmn5k6^fj
 ö59<2t3mr4^fghjs5lv6bdkp7þ>2l3fgnð4kr5s6^mp þ39<0^4m5áó6ef7agnrtí>2eý3a4jyí5irvé6uáú7^oæö
 ý34<2lnþ3s4k5^6bdt>2s3jnrð4dt6^aglmpáó é19<2rs4hlmtþ5v6^np>2rt3^4kln5mu6agð
Dutch: ë376<1i2o5a6e>1^2l4nr5dw6ehmp é200<2m3f4^horvé5blpst>2^l3e4mné5adhrsu ï98<1a2e4ou>2s3nrt4aem â39 ö39 ü34 á29
 è24 í24 ó24 ç20 ʼ20 î15 å10 ã5 õ5 ú5 û5 ā5 ă5 č5 ı5 ş5 ʻ5
Catalan: à287<2i3rt4^lmv5cdegpu6bnosz7j>1^4lnr5gst6bcfmx7pqv ó174<0i5t6cmps7bdeflrvx>0^5n6rs7bv
 è157<2n3dmr4ltu5^cv6abgisx7fhoy>1s3n4^rt5l6cx7dfimquv í126<3lrt4^dmnsu5achp6bgkvxüĺ>2^3n4gst5abflprvx6cdeikmo
 ú57<2^3nr4mp5abdgjkstxyz>2^s3l4bmnr5it ò54<2t3cr4dm5befgilnpsvwx>2nr3p4^ls5bcmqtv é44<2m3brt4^fh5cdlpux>2^s4m5alnqru
 ç40<2an3ep4lor>1a3^4o5u ï19<1u3a4i>3dnstu4^ ü17<2g4^abeipr>2e3l4kmrsí á6 å4 ö4 ý2 ş2
Polish: ł258<2a3os4^g5bdekuwyzó6ipt7cm>2ao3u4^eyą5knóę6c7dgt ś123<2^o3ey4au5i6ję7dp>2c3^lnwć4r5k6m
 ą111<2i3jnł4lzż5rtw6bcdgks7m>2^cd4gtz5bsćż6kp ó103<2r3kt4ginpł5dmswz6bj7chl>1w3r4djł5bltzż6g7^csć
 ć103<1a2ś3i4ey5ą6ę7^ouó>0^7kw ż94<2^3adeou5iyóąę6r>2y3ae4^noą5diklu6bs7mwę
 ę93<2i3jtz4nł5klrw6bdgp7hmż>3^cdt4bgkp5szż6ćś ń90<1a2o3ei4uy>1s2^3c7k ź17<2d3^aeo4u6bó>2^n3d4lr6akćń é3 á2
Czech: á222<2k3nrv4ltz5dm6bhpsž7ijuř>2^3n4dltv5kmrszř6chš7bjpčž í164<1n4clmvř5jpstčšž6bdz7r>1^4cknt5mrs6dhjlvčřž7bpzš
 š125<3^n4aijlortu5devá6bgkmyz7híýěž>1t3e4ko5^aií6lnpsvť7á ý92<2knv4t5lr6d7bhms>1^3c5mr6dknsvš7bhtž
 ř77<2p3tá4^abeo5dikí6hě7vzéú>1e2i3í4^a5osá7k č72<2^3ae4iou5lmnríú6vá7bjkyéě>2e3iní4^akt5o6uá7lv
 ě71<2n3dmtv4bp>2^3lnt5djkmrszř6chpšž7vč é62<2kn3lv4mt5dr6i7hzž>1^3h4mnr5s6dkltz7čřš
 ž54<2ou3^d4aení5ryáěů6ilý7mú>2i3eí4^aná5dkoš6bs7chlmtuéď ů21<3dprt4klmnv5c6hjszčř7bgš>1^3mv4lsž5d6cjrz7bknčš
 ú15<0^4s6abcdeghjklmrty>3dpstč4ln5^krvř6hjmuzšž ň10<2ae4^io5juváí6bdltyzěš>2^3akos4t5du6cá
 ó7<1l3k4iz5cfghmnrv>1g3dn4r5^mstz ť3<1š4a5suí>2^3ao4s
Slovak: á341<1v3kn4r5lmtz6bdhi7gjpsuč>1^4nr5ckltv6dmszčš7bh č139<3^in4aejorá5dltuú6bmví7ghkp>1i3eo4^akní5t6á7su
 š103<2^3aou4eiá5vy6nzú7bklríýľ>3ikot4^ae5psuí6nvť7lúčň í85<2n3lr4mtč5bcpsvzšž6d7^fi>2k3n4^crv5lmstčž6dpzš7bjť
 ý72<1k2n3v5rt6l7dhms>1^3c5mrs6btž7dkvčš é62<1n2k3v4rt5lm6h7bdgipž>1^3h4r5mnz6dt7clč
 ž46<3^adou4ei5náíô6lrý7y>2i3aen4kí5^dos6btu7cáéňš ú37<3^jkns4clrt5dhmvľ6bzš7afp>3^c4bkrstzčš5dlnpvť6hň7f
 ľ35<2eo3^h4a5dkuá6ip7š>2a3^ou4kns5ú6jtš7bv ť23<2ai3s4eš5^uäíú6ryz7coý>0^3a4o5á7r
 ó19<2l3ikt4gnr5dm6cpz7bhjš>1n3dgr4p5bmt6z7^ksw ň18<2ae3o4diš5^hlrsuvyáúž7jíŕ>1a2o3^4á5ku7tv
 ď9<1^2a4e5lor6tu>2au3o4^á6t ô6<2m3dp4bhknv5^t>3rsž4clptv5djč ä2<1v3p4m>2tť4cdč
Hungarian: á335<3mtv4bhlnrz5^djps6egk7fiy>2r3lnst4c5dgz6bhjkmv é250<3lnz4^kmrstv5bdgp6y7fh>2s3^kr4glmnpt5vz6d7bch
 ó97<2t3il4drsz5^bgjkm6fh7any>2^3t4dklns5bgrvz6fhijmp ö89<2krt3y4z5^ln6bg7dfjmsv>2r3klsvz4n5t6bgm
 ő88<2dz3lst4kr5bn6fvy7g>2^3r4hiklst5bfjmnvz6dg7aop í67<3hls4cdtyz5gkpr6^emnv>1t3dr4mv5np6lsz7bk
 ü39<1f3^k4rtz5jlnp6dsy7bgm>1r2l4gkz6^mnst7cv ú20<2^3d4hjrz5aglmsty6p7bc>2j3tz4^hlr5gmns6df7akp
 ű15<2m3rtyz4^5k6dnsvx>2r3^jksv5t6bcilnz
Croatian and Slovenian: č389<2š3aio4^eu5n6lrv>1i2e3a4^kn5u6r7jlo š332<3^aijn4eoru5v6dlmt7bg>1č2k3i4aet5n6^lopu7v
 ć144<0i5eu6^ao7š>0^4e5ai7n ž110<2o3^adu4eir5n6l7m>2aei3n4u5^6dm7bjo đ16<2ae3^o4u5nr6i>1e3aiu é3 á2
Romanian: ă582<2nt3cz4lr5dmps6bgv7fhţ>0^3r5stu7cdlmţ ţ215<2a3cein4u5lopă6r7^b>0i4a5eă6^7k
 ş77<2^3aei4u5ră6o7nî>2it3a4u5^ekoă7cgmn î55<0^4e5t6cm>0n4m6^lrş â45<2c3mst4fgpr5kv6x>1n2m3r4t5iz6ţ é7 á4 í3 ó3 ü3
Turkish: ı330<3nrs4cdklty5zçğş6fgm7bhp>2^3nr4lz5ckmsş6tyğ7dfç ü182<2g3t4^dlmnrsy5k6bchz7çş>2l3nr4^kmz5stş6bcfhvyç7dgpğ
 ş152<2^ai3eu4ı5rü6o7lmny>3^aeit4lı5kmç6osu7bfhrü ç130<2^3ek4aintu5prüş6losı7hç>2ae3iı4^o5lu6bmöü7knsç
 ö81<2^g3y4st5bdk6zç7flnru>2nrz4k5lsğ6chy7^mpvş ğ76<2aeo3iu4ı5ö6ü>2i3aeluı5^mr6d7bcotçü
 İ33<0^7bö>3lns4hrzçş5bkmpt6dvy7cgğ â5<2kl3^4h5v>2l3mt5^cdhnyz é2
Lithuanian: ų295<2i3nt4djklr5bgms6z7fhvš>0^6s7j ė212<2n3lmrt4dv5ps6bgk7jž>2^3jst4ln5bdmv6cfhkp7ž
 š148<2^ai4eku5or6y7mn>3aikt4o5emrsuvy6^nčų7ląį ž107<2^du3a5ir6eąė7lį>2i3aeuy4ko5dr6^mstė7np
 č73<2^ei4an5uš6moy7bsū>0i4a5eu6o7^pėų ū54<2r3bij4gkmt5cdp6l7anvž>2nr3st4k5bdz7gčž
 ą51<2t3jkms4in5dgrš6^bl7p>0^4jr5ž6s7n į39<1^3n4jt5delprš6ks>1^3v4jkrt5dsž6gp ę20<2t3kn4gjm5bdlprsvz>1^2s
Latvian: ā278<3mnt4jklprv5^bdgsz6iš7cuž>2r3^n4cdklst5bjmņ6fvz7ipļ ī185<3dlrstz4nv5cm6^b7gpķšž>2t3n4bgjmr5^cdklvzš6s7p
 š149<2eņ4^aiko5grēī6u7m>2au4^ios5bā6cefjlmprtvēīķ7dhk ē134<3lmprv4dntz5^bcj6gš7ksģ>3jlrt4^mns5gkģš6cdzļņ
 ņ101<1i4aā5o6^uzē7deī>1a2š3u4e5io7jē ū48<2jlr4bdtļ5nps6gimčž7aekņ>3dlmrst4kn5z6gvš7bcfip
 ļ30<2ek3t4aoāē5giu6^b>2au3ū4iģ5^ksā6cdefjlmnrņš ž26<1d3ae4^5lā6ou>2a3iu4oāī5bū6epēģ
 č20<1^2i3a4nu5em6btā>2ai3eu4o5īū6v ģ13<2ē3^eoļ4i5ž>1i2e4uē5ī ķ13<2aiš3^4e5orē>1i2e4uī5atē
Estonian: ä350<3jmptvä4ln5k6r7^fs>2r3ehiä4ln5st6d7bgmp ü235<2^3ktü4jl5prs6ehmn7ab>2hl3rü4kmp5bs6^dtv7agn
 õ189<3lptv4^kmns5j6adgrõ7bhz>3intu4hlr5demps6gkvzõš7^bj š89<1t3^4ai5ruõ6kmn>2aei3o4tu5kv6mn
 ö54<1ö2t4s5krv6am>1ö2v4lnt5^6b ž45<1d3^e5lo>2ai3du5bekop é11 á6 í5 ó3 ú2 ş2
Russian: а97 о94 и78 е76 н73 р60 с55 т52 к50 в46 л42 м28 д27 й24 п24 у24 я18 б17 г17 ь17 ы14 з13 ч11 х7 ж6 ф6 ш6 ц5 ю5
 щ3 э3 ё1
Ukrainian: а106 о81 н78 к57 р56 е55 и53 і53 с49 в46 т46 л38 д29 ь29 у27 м26 п24 й20 б19 г17 я16 з14 ч11 х8 ц8 ш7 ж6 ї6
 ф5 ю5 є4 щ2 ʼ1 ґ1
Bulgarian: а127 и101 н80 о79 е73 р60 к55 т50 с48 л46 в41 д32 м28 п22 у21 б18 г16 я16 з15 ч12 й11 ъ9 х8 ж6 ф6 ц6 ш6 ю4
 щ3 ь2
Serbian: а135 и108 е73 н72 о68 к61 р60 с59 т48 л35 у34 м33 в29 д28 ј27 п23 б21 г19 з14 ч9 ш8 х7 ц7 ф6 њ5 ж3 љ3 ћ2 џ2
 ђ1
Belarusian: а173 н79 к55 і53 с51 р49 л40 я40 е38 ы38 т34 д33 м29 у29 в28 п27 о25 ц23 б19 з19 ь19 г17 э16 ў13 й11 ч10
 х7 ш7 ж6 ф5 ю5 ё3 ґ1
Macedonian: а133 и114 н75 е72 к68 о68 с64 р60 т54 л38 м30 д29 в28 у28 п22 ј21 б20 г20 з13 ч8 ш8 ф6 ц6 х5 ж3 њ3 џ3 ќ1
Greek: α97 ο82 ι59 ν57 ρ55 τ55 κ50 ε49 σ43 λ42 ς42 υ38 μ37 π34 η31 ά30 ί28 γ23 δ21 ό15 έ14 ω13 ύ13 ή12 β12 χ11 φ10 θ9
 ζ7 ώ7 ξ3 ψ1 ϊ1
Hebrew: י136 ו123 ר68 א65 ה63 ל54 נ52 מ50 ב43 ת43 ק36 ס33 ד29 ט26 ש26 ג25 פ24 ן19 ח17 ע17 ם16 ז11 כ9 צ9 ך2 ף2 ץ2
Arabic: ا157 ل102 ي99 و58 م57 ر56 ن55 ت44 ب37 د33 س32 ة29 ك24 ع22 ف22 ج17 ح17 ق17 ه16 أ13 ش12 ز11 ص11 ط9 غ9 خ8 إ6 ض5
 ء4 ئ4 ث4 ذ3 ظ2 ى2 آ1 ؤ1
Persian: ا150 ی117 ر78 ن78 و75 م51 ت49 د45 ل40 س39 ه34 ب33 ک31 ش19 گ18 ز16 ي14 پ14 ف13 ج11 خ10 آ9 ع9 ق8 ح7 ص5 ط5 چ4 ئ3
 غ3 ك3 ذ2 ض2 ژ2 ث1 ظ1
Thai: า102 ร81 น76 อ59 เ56 ก50 ม43 ล43 ง32 ส29 ว28 ด25 ต25 ย25 บ24 ค23 ะ23 แ22 โ21 ท19 พ19 ห17 ช16 ป16 ซ14 จ12 ถ11 ไ10
 ข9 ธ8 ำ7 ญ6 ณ6 ภ6 ศ6 ฟ5 ใ5 ษ4 ฐ3 ผ3 ฮ3 ฉ2 ฎ1 ฏ1 ฤ1
Vietnamese: đ95 á57 ư46 ê43 à39 ả38 ế31 ô28 ạ28 ấ25 ậ25 ệ25 ể24 ố24 ó21 ờ20 ì18 ớ18 ữ18 í17 ơ17 ắ17 ị17 ộ17 ú15 ầ15
 ề15 â13 ù13 ọ13 ồ13 ổ13 ụ13 ở11 ã10 ă10 ứ10 ừ10 ử10 é8 ặ8 ỗ8 ủ8 ự8 ỉ7 ỏ7 ý6 ẩ6 ợ6 è4 ò4 ĩ4 ũ4 ẫ4 ằ4 õ3 ẻ3 ẽ3 ỳ3 ẵ1 ỡ1
 ỷ1
Japanese: 会社語限有式株合同藤田山中林木本信設保水行村気電通報運銀情印輸産険佐刷業農鉱品建除川食加上削井小定島
 市入選択数力下日橋正区認新開効鈴字高更一公伊文画松追値変辺部渡像存崎時用長不作前石表口名示西吉岡成権
 要検以国後索理編谷集必内在最送使南斎諸近付地複郡大太子横池清無町森目言証原生確全北可方書東福見連斉浜
 管英三法現込間青項人形空阿件再別動度持明能関分列古坂多整浦結致予代取基対承提果者覧遠非個元号含州自領
 出外指操和型場士央家知移解記閲先刻実意換既案済番金順香今他共切利改点的計際主失始幅待性戻所摩曜替期未
Chinese: 语有的限公司工尔面路亚个市页县街斯加克已拉一理用科信师马布文选不发员兰息字新建技是网中程里传经除利法
 特西你在图英删务梅桂阿为华码此尼作到密巴秀保媒管请络多定张合数没择纳罗这入比户计设件方电确可提格重李
 任安片以要维置创时地成林动南标丹索陈无本王行上名将效查添点玉瓦子能所杨输段编内该列德您卡档主刘大期红
 言丽开于权被人淑辑通流萨表下日国岛珍站修卢对库集周塞州达何和塔机过配区婷存交分型果认值制小改美金元关
 前更评黄其单吉或看第间业划博复未波海销些论项伊包哥应符东产器明雷了使古总正目空联芳苏荣部长专平接版瑞
Taiwanese: 文有限公的司亞員美爾拉克人斯工語已面資頁作師馬新用陳林程台志中加選個秀業一西電訊尼利淑巴蘭里份華阿建
 件不法股此定宏特俊密發設明碼除入多子羅可行請大理島布德國李達市維麗地是管刪圖卡比灣納瓦重張在玉確數縣
 上吳格你王玲索群輸黃南科字金列安技為成無蔡北雄使內擇英要本編合庫雅以日時沒蘇提薩品哥塔家位冠古方視於
 輯主名惠者被這修到取標流盧佈增威正其生計進保效那塞奧存期過務吉站術表許豪基所查珠何來月梅片空能項動及
 宇宗恩您第網言認集值劉廷怡柏模權物素關類下元楊結置至前學式珍間點交伊信光包改會未翰開全商埃或更東欄瑞
Korean: 어이스지아시가니리다하트로사에정자라기제나보한크드코영원고마수오서우인구루르네민은바조비도현김레소신
 성공미타람유전상는그발주진박안일온카의해호요을메야를개경동선강세습장노되브티모문용통포너프글템관려터
 단예합백부씨음중연윤테벌입금차순체숙준국래재최페행름식위디링두종출파션토과업워월즈키틱양플할게윈치판
 항여와화들엔첨대으푸훈올계만겨더설철획권된룹작남류면반배베산생쿠버송앤었련명웍적군른건빛목앙술임택학
 데록무센품거랩방뷰삭솔케폼환간투러변필됨란랫승홍넥물복옥검알웨저추함후분실않피히광당번역혜까내력말슬
"""
"""Language: each letter with its share of a thousand, ``<`` what stands before and ``>`` after it, by bits."""


@cache
def _table() -> dict[str, str]:
    """Return language -> what is listed of it, one line each."""
    unfolded = re.sub(r"\n ", " ", _LETTERS.strip())
    return dict(line.split(": ", 1) for line in unfolded.splitlines())


@cache
def alphabet(language: str) -> dict[str, Letter]:
    """Return the letters that ``language`` has beyond ASCII, small ones (and ``İ``), each with what it costs."""
    letters = {}
    for entry in _table()[language].split(" "):
        count, _, neighbors = entry[1:].partition("<")
        before, _, after = neighbors.partition(">")
        bits = -math.log2((int(count) + _SMOOTHED) / 1000)
        letters[entry[0]] = Letter(bits=bits, before=_neighbors(before), after=_neighbors(after))
    return letters


def _neighbors(encoded: str) -> dict[str, int]:
    """Return character -> bits; listed as ``2ab3c``."""
    return {character: int(bits) for bits, characters in re.findall(r"(\d)(\D+)", encoded) for character in characters}


@cache
def frequent(language: str) -> frozenset[str]:
    """Return the 250 most frequent ideographs or syllables of an East Asian language."""
    return frozenset(_table()[language]) - {" "}
