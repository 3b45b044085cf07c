"""Words that say little, and words that might name somebody: folded lists for bot/questions.py."""

from conversations.engine.matching import fold_words

# Small words of English, French, Arabic and Darija: they say nothing of what is asked.
SMALL = frozenset(
    fold_words(
        """
        a an the of to for in on at by is are am be was were do does did i you we me my your it this
        that there here and or if with from have has had can could will would may must should how
        what when where which who why please so not no yes hello hi some any just still get got want
        need like s t m ve ll re le la les un une des du de d l au aux en et ou est suis sont je j
        tu vous nous mon ma mes moi votre ce c cette ça que qu qui quoi quel quelle quels quelles
        comment quand pour par sur dans avec sans y il elle ne n pas plus si svp avoir faire dire
        veux voudrais bonjour salut puis peux peut ai as avez ont dois faut se هل ما ماذا من في على
        عن الى أن ان إن هو هي هذا هذه كيف متى أين لي لك أنا انا هناك يمكن يمكنني هم لا نعم السلام
        عليكم مرحبا و او أو لو قد كان كنت مع لماذا واش شنو شنا اشنو اش كيفاش فوقاش فين علاش لمن شكون
        ديال ديالي ديالك ف ب ل د اللي ليا ليك نتا حنا راه راني غير شي واحد كاين كاينة بغيت عافاك
        خويا بزاف باش ولا بعد حتى هاد هادي هادشي عندي نقدر تقدر wach wash ta حتا ach chno chnou
        chnahuma kifach kifash fo9ach fou9ach fin 3lach chkoun dyal dyali dial dyalek f b li liya
        lia lik ana nta 7na rah rani ghir chi wa7ed kayn kayna bghit 3afak bezzaf bzaf bach wla mn
        men b3d 7ta hadi hadchi 3andi 3ndi n9der te9der salam o w
        """
    ).split()
)

# First and family names that are everyday words as well.
ALSO_NAMES = frozenset(
    fold_words(
        """
        أمل امل سعيد سعيدة نور كريم كريمة أمين امين حسن حسنة وفاء فرح رضا رضى كمال نجاة هدى سلام
        سلامة حكيم عادل رشيد جميل جميلة صالح صلاح نبيل نصر فاتح هادي هادية مهدي منصور مبارك بركة
        رحمة نعمة شريف مراد يسر يمن عزيز عزيزة إيمان ايمان إحسان سناء ضياء بدر زين لطيف لطيفة خالد
        وحيد فريد فريدة ناصر طيب طيبة حياة العيد عيد amal amin amine said saida nour karim karima
        hassan wafa farah rida reda kamal najat houda salam hakim adil rachid jamil jamila salah
        nabil nasr hadi mehdi mansour mbarek baraka rahma chrif cherif mourad aziz iman badr latif
        khalid wahid farid nasser hayat aid grace rose pierre marie claire blanche victor noel
        """
    ).split()
)
