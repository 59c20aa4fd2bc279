// Words that end in a full stop without ending a sentence. Compared in lower case, without the last stop. One list for
// all languages: a word that is an abbreviation in one is hardly ever the last word of a sentence in another.

/** Always followed by what they belong to: titles, "e.g.", "z.B.", "т.е.". */
export const NEVER_LAST: ReadonlySet<string> = new Set(
  [
    'mr mrs ms mx dr prof gen sen rep gov capt cmdr lt col sgt maj adm rev hon st mt messrs mme mlle pres supt insp',
    'e.g i.e cf vs viz approx esp incl resp ca al',
    'hr fa z.b z.t d.h u.a v.a u.u i.d.r s.o s.u bzw evtl ggf vgl sog geb bspw inkl dipl ing mag',
    'mm par.ex p.ex av env sra srta dra dña d.ª ud uds p.ej ee sig sigg dott dott.ssa prof.ssa avv p.es profa exmo',
    'dhr mevr bijv d.w.z o.a t.ex bl.a dvs fr.o.m bkz',
    'т.е т.к т.н им ул г-н г-жа см напр проф акад np tzn tzw ul inż mgr hab tj m.in św ks',
    'د أ أ.د',
  ].flatMap((line) => line.split(' ')),
);

/** May end a sentence; what follows decides. */
export const SOMETIMES_LAST: ReadonlySet<string> = new Set(
  [
    'etc inc ltd co corp jr sr bros llc plc dept univ assn est a.m p.m u.s u.k u.n e.u u.s.a d.c ph.d m.d b.a m.a b.c a.d',
    'usw usf o.ä v.chr n.chr mio mrd tsd ecc ee.uu uu vb т.д т.п др гг г в вв руб млн млрд тыс itd itp sp aufl verl hrsg',
    'jan feb mar apr jun jul aug sep sept oct nov dec ave blvd rd',
  ].flatMap((line) => line.split(' ')),
);

/** Belong to a number after them: "No. 5", "Fig. 3". */
export const BEFORE_NUMBER: ReadonlySet<string> = new Set(
  [
    'no nos nr num núm p pp pg pág vol fig figs ch chap sec art para eq ex abb bd kap s str tab tel ver v op n nº № blz стр рис гл п ст',
    'jan feb mar apr jun jul aug sep sept oct nov dec',
  ].flatMap((line) => line.split(' ')),
);

/** Words that begin sentences far more often than they follow an abbreviation or an initial. */
export const STARTERS: ReadonlySet<string> = new Set(
  [
    'the a an it he she they we i you this that these those there here but and so or if when while where what who why how',
    'in on at after before for from with as by to his her their our its my your no not yes then now however although',
    'der die das ein eine es er sie wir ich du und aber in im am auf nach',
    'le la les un une des il elle ils elles nous je tu et mais en dans ce cette',
    'el los las una pero y se lo los esta este il lo gli una ma e o os as um uma mas',
    'он она они мы я это но и в на как',
  ].flatMap((line) => line.split(' ')),
);

/** What follows an ordinal written with a full stop: months ("3. Oktober"), and what is counted so ("2. Weltkrieg"). */
export const AFTER_ORDINAL: ReadonlySet<string> = new Set(
  [
    'januar februar märz april mai juni juli august september oktober november dezember jänner',
    'weltkrieg weltkriegs jahrhundert jahrhunderts jahrtausend quartal halbjahr kapitel auflage bundesliga liga klasse stock platz',
    'januari februari mars maj augusti oktober november december marts april juni juli',
    'ledna února března dubna května června července srpna září října listopadu prosince',
    'tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta',
  ].flatMap((line) => line.split(' ')),
);
