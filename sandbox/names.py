"""Word lists the sandbox makes its people, streets and companies from. Nobody real is meant."""

FIRST_NAMES = (
    "Adela", "Alden", "Amos", "Anika", "Ansel", "Arlo", "Beatriz", "Benedict", "Bettina", "Bram",
    "Callum", "Carmela", "Cedric", "Celia", "Clement", "Cordelia", "Dalia", "Darius", "Delphine", "Desmond",
    "Edda", "Elias", "Elodie", "Emeka", "Ezra", "Farida", "Felix", "Fiona", "Florian", "Greta",
    "Gideon", "Giselle", "Hana", "Harlan", "Hector", "Ilse", "Imani", "Ingrid", "Isidro", "Ivo",
    "Jamila", "Jarvis", "Joaquin", "Judith", "Kalinda", "Keiko", "Lamar", "Leopold", "Linnea", "Lorena",
    "Lucius", "Magda", "Malik", "Marisol", "Maxine", "Mireille", "Nadia", "Nestor", "Noemi", "Octavio",
    "Odette", "Omar", "Orla", "Otis", "Paloma", "Percy", "Petra", "Quentin", "Ramona", "Reuben",
    "Rosalind", "Rufus", "Sabine", "Salvador", "Selma", "Silas", "Solveig", "Tamsin", "Thaddeus", "Tobias",
    "Ulrich", "Ursula", "Valentina", "Vikram", "Wanda", "Wendell", "Xiomara", "Yolanda", "Yusuf", "Zelda",
)  # fmt: skip

LAST_NAMES = (
    "Abernathy", "Achterberg", "Almeida", "Amankwah", "Arceneaux", "Ashdown", "Ballantyne", "Barrientos",
    "Beckwith", "Bellweather", "Birdsong", "Blackwood", "Boateng", "Brandvold", "Brightwater", "Cantwell",
    "Castellanos", "Chaudhari", "Cobblestone", "Coldiron", "Covarrubias", "Crabtree", "Culpepper", "Dalrymple",
    "Delacroix", "Demirci", "Dunwoody", "Easterling", "Echeverria", "Eisenhauer", "Fairbairn", "Falkenberg",
    "Featherstone", "Ferreira", "Figueroa", "Fontenot", "Gallowglass", "Garrity", "Gillespie", "Goldfinch",
    "Greenhalgh", "Grimaldi", "Gunderson", "Halvorsen", "Hathersage", "Hawthorne", "Heathcote", "Hidalgo",
    "Honeycutt", "Hrabovsky", "Ibarra", "Ironside", "Jablonski", "Jankovic", "Kaczmarek", "Kirkbride",
    "Kobayashi", "Kowalczyk", "Lanthier", "Larrabee", "Lindqvist", "Lockridge", "Macalister", "Magnusson",
    "Manzanares", "Marchetti", "Mayweather", "McGillicuddy", "Montalvo", "Mukherjee", "Nakagawa", "Nightingale",
    "Nwosu", "Oberholtzer", "Okonjo", "Oliphant", "Ormsby", "Ostrowski", "Paddington", "Papadakis",
    "Pemberton", "Pennywhistle", "Quarrington", "Quesada", "Rademacher", "Ravenscroft", "Redfern", "Rosenquist",
    "Rutherglen", "Saltmarsh", "Santangelo", "Scarborough", "Serrano", "Sommerfeld", "Stallworth", "Szymanski",
    "Tattersall", "Thistlewood", "Thornbury", "Toussaint", "Underhill", "Urquhart", "Valdivia", "Vandermeer",
    "Villalobos", "Wadsworth", "Weatherby", "Whitlock", "Winterbourne", "Wojcik", "Yarborough", "Zamarripa",
)  # fmt: skip

MAIL_DOMAINS = ("inboxly.example", "postbird.example", "hillmail.example", "lonestarpost.example", "quickpen.example")

STREET_FIRST = (
    "Copper", "Marble", "Juniper", "Amber", "Lantern", "Velvet", "Saffron", "Granite", "Walnut", "Crimson",
    "Silver", "Thistle", "Cobalt", "Maple", "Ember", "Barley", "Russet", "Ivory", "Sable", "Clover",
    "Indigo", "Cedar", "Hazel", "Pewter", "Wicker",
)  # fmt: skip

STREET_SECOND = (
    "Finch", "Falcon", "Hare", "Badger", "Otter", "Heron", "Plover", "Lark", "Sparrow", "Marten",
    "Bobcat", "Wren", "Kestrel", "Fox", "Swift", "Osprey", "Pelican", "Bison", "Magpie", "Raven",
)  # fmt: skip

STREET_SUFFIXES = ("Dr", "Ln", "St", "Ave", "Rd", "Ct", "Cir", "Trl", "Way", "Pl")

COMPANY_FIRST = (
    "Bluebonnet", "Limestone", "Armadillo", "Pecan Street", "Barton", "Mockingbird", "Lone Mesquite",
    "Hill Country", "Violet Crown", "Balcones", "Red River", "Starlight", "Grackle", "Longhorn Cavern", "Prickly Pear",
)  # fmt: skip

COMPANY_SECOND = ("Roofing", "Roof & Gutter", "Exteriors", "Roofing Co", "Roof Works", "Restoration")

LANDLORDS = ("Blue Heron Rentals LLC", "Cedar Gate Holdings LLC", "Third Porch Properties LP", "Limerock Homes LLC")
