"""Words of many languages, and the encodings in which files of them were written before UTF-8."""

WESTERN = ("cp1252", "mac_roman", "cp850")
CENTRAL = ("cp1250", "iso8859_2")
CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5")

LANGUAGES: dict[str, tuple[tuple[str, ...], str]] = {
    "German": (
        WESTERN,
        "Jörg Müller Köln Straße Größe schön Äpfel Öl Übung Füße Weiß Bücher Gebäude Schlüssel Mädchen",
    ),
    "French": (
        WESTERN,
        "José Lefèvre été français élève où déjà garçon Noël forêt hôtel août reçu théâtre À bientôt île",
    ),
    "Spanish": (WESTERN, "Núñez Málaga niño mañana corazón José García Peña ¿qué? ¡sí! año teléfono Álvarez dirección"),
    "Portuguese": (WESTERN, "São João coração não você irmã ações Conceição Gonçalves família às avô três informações"),
    "Italian": (WESTERN, "città perché università però più è caffè lunedì Nicolò qualità libertà virtù attività già"),
    "Swedish": (WESTERN, "Åsa Öberg Malmö fågel kött språk älskar göra Göteborg Jönköping första människa på från"),
    "Danish": (WESTERN, "Søren Århus blå køb smørrebrød Ærø være også på måned København grønt Bjørn højre"),
    "Norwegian": (WESTERN, "Tromsø Bodø Åse Grønland fjære kjøre hånd Ålesund sjøen både språk bærekraft"),
    "Finnish": (WESTERN, "Jyväskylä päivä työ yö Hämeenlinna Äänekoski kiitos hyvää käyttö Väinö Mäkinen tämä"),
    "Icelandic": (("cp1252",), "Þór Guðrún Sigríður Ísland Reykjavík það maður því góðan daginn Björk Ólafsson Ægir"),
    "Dutch": (WESTERN, "België reünie Zoë café coöperatie geïnteresseerd één hè ideeën vóór Loïs financiële"),
    "Polish": (CENTRAL, "Łódź Kraków żółw mąka święto źródło Wałęsa Gdańsk zażółć gęślą jaźń Śląsk dzień być są"),
    "Czech": (CENTRAL, "Dvořák Plzeň čeština šťastný žena můj Jiří Ústí Říjen dům tři děkuji měsíc příští Šárka"),
    "Slovak": (CENTRAL, "Košice vŕba kôň dĺžka žiť Žilina ďakujem ľudia Ľubomír čaj môže šesť krásny päť"),
    "Hungarian": (CENTRAL, "Győr fű tűz Ödön őszi szép László Pécs köszönöm Szűcs Erdős Gábor nő öt múzeum"),
    "Croatian": (CENTRAL, "Đuro Šibenik kuća čovjek žena Požega Međimurje riječ noć šuma Pavlović Kovačević Živko"),
    "Slovenian": (CENTRAL, "Škofja Žalec čas miška življenje Kočevje želim šola že še Črnomelj Novaković hiša"),
    "Romanian": (CENTRAL, "Bucureşti Iaşi ţară mâine înainte Braşov fată Ştefan viaţă până aşa Timişoara să"),
    "Turkish": (("cp1254",), "İstanbul Işık Çağlar şeker güneş Öztürk ağaç Eskişehir doğru yıldız Şahin kız değil"),
    "Lithuanian": (("cp1257",), "Šiauliai žąsis ačiū Klaipėda Žemaitis ežeras šeši vėjas Panevėžys mėnuo gražu"),
    "Latvian": (("cp1257",), "Rīga Liepāja Jānis paldies Bērziņš ēst šodien ūdens Jelgava labrīt Kārlis māja"),
    "Russian": (CYRILLIC, "Иван Петров Москва Екатеринбург улица Мария спасибо год новый товар заказ цена который"),
    "Ukrainian": (("cp1251",), "Київ Львів Україна їжак Олексій вулиця дякую замовлення місто ціна Євген Ганна"),
    "Bulgarian": (("cp1251",), "София Пловдив Георги Иванов улица благодаря поръчка цена град Стоянов България"),
    "Greek": (
        ("cp1253", "iso8859_7"),
        "Αθήνα Γιώργος Παπαδόπουλος ευχαριστώ Θεσσαλονίκη οδός τιμή παραγγελία ημέρα νερό",
    ),
    "Hebrew": (("cp1255",), "שלום תודה ירושלים רחוב דוד לוי מחיר הזמנה תל אביב ישראל חיפה"),
    "Arabic": (("cp1256",), "محمد القاهرة شكرا شارع السعر الطلب علي مدينة الكويت بغداد يوم"),
    "Japanese": (
        ("cp932", "euc_jp"),
        "山田太郎 東京都 株式会社 カタカナ ありがとう 住所 電話番号 鈴木花子 大阪市 注文",
    ),
    "Chinese": (("gb18030",), "北京市 上海公司 广东省 订单 谢谢 王小明 地址 电话 价格 中国 李华"),
    "Taiwanese": (("big5",), "臺北市 公司 電話 謝謝 王小明 地址 價格 訂單 高雄市 中華民國 陳美玲"),
    "Korean": (("cp949",), "서울시 김철수 감사합니다 주소 전화 가격 주문 부산 이영희 대한민국 회사"),
    "signs": (("cp1252",), "Acme© 20°C £12 €15 5µm Ltd® “quoted” it’s 10–12 §4 ±3 m² «ja» 1½ wait… Brand™"),
}


def samples(lines: int) -> list[tuple[str, str, str]]:
    """(language, encoding, text) of files of so many lines, each word first in one of them."""
    found = []
    for language, (encodings, words) in LANGUAGES.items():
        told = words.split()
        for encoding in encodings:
            for first in range(len(told)):
                rows = [f"{n},{told[(first + n) % len(told)]},{n * 7 % 10}.5" for n in range(lines)]
                text = "id,name,amount\n" + "\n".join(rows) + "\n"
                if not text.isascii():
                    found.append((language, encoding, text))
    return found
