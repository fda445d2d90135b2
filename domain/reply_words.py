"""The words that replies are known by: tables of patterns that `domain.replies` looks for, sentence by sentence.

Text comes in lower case with straight quotes and usual contractions ("do not" is "don't", "e-mail" is
"email"). {names} in the first table stand for the lists of words above it.
"""

import re

WORDS = {
    "us": r"(?:me|us|myself|my (?:e?mails?|address|number|phone|cell|name|info(?:rmation)?|company|business|account)"
    r"|our (?:e?mails?|address|number|phone|name|info(?:rmation)?|company|business|account|office)"
    r"|this (?:e?mail|address|number|phone|company|account)(?: address| number)?)",
    "contact": r"(?:contact|e?mail|call|text|message|msg|phone|ring|write|bother|spam|harass|solicit|dm|pester)",
    "contacting": r"(?:contacting|e?mailing|calling|texting|messaging|phoning|ringing|writing|bothering|spamming"
    r"|harassing"
    r"|soliciting|pestering|reaching out|sending (?!(?:\w+ ){0,3}(?:leads|jobs|quotes|invoices|estimates)))",
    "contacted": r"(?:contacted|e?mailed|called|texted|messaged|phoned|bothered|spammed|solicited)",
    "messages": r"(?:e?mails?|calls?|texts?|messages?|msgs|mails?|mailings?|spam|communications?|correspondence|contact"
    r"|solicitations?|newsletters?|follow[- ]?ups?|phone calls?|robo ?calls?|text messages|junk|nonsense|crap|bs|shit)",
    # Where a request begins: "our customers don't call us" is none.
    "begin": r"(?:^|[,:(&-] ?|\b(?:please|kindly|and|so|but|just|again|also|thanks|thank you|no|hi|hello|hey|ok|okay"
    r"|yes|yeah|well|um|uh|oh|look|listen|actually|honestly|man|dude|guys|folks|sir|ma'am|you to|asked you|told you"
    r"|i said|already|therefore|then|interested|or|first|must|should|seriously) )",
    "please": r"(?:(?:please|kindly|just|you|ever|to|continue to|keep|try to|dare|even|want you to|want you|want to be"
    r"|want to|wish to be|wish to|need to be|be|get) ){0,3}",
    "never_again": r"(?:again|anymore|ever|any longer|further|in (?:the )?future)",
}


def _table(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern.format(**WORDS)) for pattern in patterns)


# Opt-outs in ordinary words.
OPT_OUT = _table(
    r"\bunsub(?:scrib(?:e|ed|ing))?\b",
    r"\b(?:opt(?:ing|ed)?|opt me|opt us)[ -]?out\b",
    r"\b(?:remove|delete|erase|scrub|purge) {us}\b",
    r"\b(?:remove|delete) (?:\w+@\S+|\w+ from|from)\b(?=.*\b(?:list|database|system|records|emails?|mailing)\b)",
    r"\b(?:take|get|cross|strike|scratch|drop|leave|keep|cut|knock|pull) {us}(?: \w+)? (?:off|out) "
    r"(?:of )?(?:your|the|this|that|these|any|all|every|mailing|email|call|contact|it)\b",
    r"\b(?:take|get|cross|strike|scratch|cut|pull) {us} off(?: please| thanks| now| asap| immediately)*$",
    r"\b(?:drop|strike|exclude|cut|take|withdraw) {us} from\b",
    r"\boff (?:of )?(?:your|this|that) (?:\w+ ){{0,2}}(?:list|lists|database|sequence|campaign)\b",
    r"\b(?:lose|forget|delete|erase|throw away|discard|burn) (?:my|our|this) (?:\w+ )?(?:number|e?mail|contact"
    r"|info\w*|details)",
    r"{begin}(?:don't|do not|never|not to) {please}{contact} (?:{us}|here|this|my|our|{never_again})\b",
    r"\b(?:don't|never) {please}{contact} (?:{us} |here )?{never_again}\b",
    r"{begin}(?:don't|never) {please}(?:send|forward|mail) (?:{us} )?(?:any |more |anymore |further |these "
    r"|those |such |your "
    r"|this |another |unsolicited |marketing |sales |promotional |spam |automated )*(?:{messages}|anything|stuff"
    r"|more|anymore|of (?:this|these)|this|again)\b",
    r"{begin}(?:don't|never) {please}(?:reach out|get in touch|follow up)(?: to {us}| with {us})?(?: {never_again})?$",
    r"{begin}(?:don't|never) {please}(?:reach out|get in touch|follow up).*\b{never_again}\b",
    r"{begin}don't bother (?:me|us|calling|e?mailing|texting|contacting|writing|sending)\b",
    r"\b(?:don't|didn't|never|no longer|doesn't|not) (?:want|wish|care|need|like|wanna|ask(?:ed)?|wishing"
    r"|wanting) (?:to |for )?"
    r"(?:be |being |get |getting |receive |receiving |have |see |hear |you )*"
    r"(?:any |more |anymore |further |these |those |such |your |this |another |from |you |unsolicited |sales "
    r"|marketing )*"
    r"(?:{contacted}|{contacting}|{messages}|hear from|to (?:{contact}))\b",
    r"\b(?:don't|no longer|not) (?:want|wish|care|like) to (?:\w+ )?hear (?:anything )?(?:more "
    r"|anymore )?from (?:you|your|ridgeline)\b",
    r"{begin}no more (?:of )?(?:the |these |those |your )?(?:\w+ )?{messages}\b",
    r"\b(?:no|without) (?:further|additional) (?:{messages})\b",
    r"\bnot (?:contact|e?mail|call|text) (?:{us}) {never_again}\b",
    r"\brefrain from\b.*\b{contacting}\b",
    r"\b(?:stop|quit|cease|discontinue|halt|end|enough with) (?:with )?(?:all |any |the |these |those |your "
    r"|this |of |sending |me |us "
    r"|constantly |further |future |unsolicited |unwanted |sales |marketing )*(?:{contacting}"
    r"|{messages})(?![ -](?:center|agent|out fee))",
    r"{begin}(?:stop|quit) (?:sending|it|this|that|now|already|immediately|asap|at once|me|us|please|thanks"
    r"|thank you)\b"
    r"(?! (?:\w+ ){{0,3}}(?:leads|jobs|quotes|invoices|estimates|leak\w*|paying|problem))",
    r"\bcease (?:and|&) desist\b",
    r"\b(?:revoke|withdraw|rescind|retract)(?:ing|d)? (?:my|our|any|all|the)? ?(?:\w+ )?(?:consent|permission"
    r"|authorization)\b",
    r"\b(?:i|we) (?:hereby )?(?:revoke|withdraw)\b",
    r"\bleave (?:me|us) (?:the (?:\w+ )?)?alone\b",
    r"^(?:please )?(?:go away|get lost|buzz off|piss off|bug off|back off|f\W*\w* (?:off|you)|fuck off|fuck you"
    r"|screw off"
    r"|knock it off)\b",
    r"\b(?:put|add|place|include) (?:me|us|{us}) (?:on|to|in) (?:your |the |a )?(?:internal "
    r"|company )?(?:do[- ]not[- ]|don't )"
    r"(?:call|contact|email|text)",
    r"\b(?:put|add|place) {us} (?:on|to) (?:your |the )?dnc\b",
    r"\b(?:i'm|we're|my number is|our number is|this number is|this is|number's|been|are registered"
    r"|phone is) (?:\w+ ){{0,2}}on "
    r"(?:the |a |your )?(?:national |federal |state )?(?:(?:do[- ]not[- ]|don't )call|dnc)\b",
    r"\b(?:report|mark|flag)(?:ed|ing)? (?:\w+ ){{0,4}}(?:as |for )?(?:spam|junk|phishing)\b",
    r"\byou(?:'ve been|'re| have been| are) (?:now )?blocked\b",
    r"\b(?:don't|never|not|didn't) (?:\w+ )?(?:consent|agree|consented|agreed) to (?:\w+ ){{0,3}}(?:{messages}"
    r"|{contacted}|{contacting})\b",
    r"\bdon't (?:want|need|wish) (?:to (?:get|receive|see|have) )?(?:any of |any more of )?(?:these|this"
    r"|them)(?: anymore| again)?$",
    r"\bstop wasting (?:my|our) time\b",
    r"\b(?:report|sue|block)(?:ed|ing)? (?:you|this (?:number|email|address|sender)|your (?:number|email|company"
    r"|domain))\b",
    r"\bwrong (?:number|person and number)\b",
    r"\b(?:don't|no longer|not) (?:accept|take|welcome|respond to) (?:\w+ )?(?:solicit\w*|cold (?:calls|emails)"
    r"|sales calls)",
    r"\bno (?:solicit\w+|cold calls|cold calling|spam)\b",
    r"\bcancel (?:all |these |those |your |any |my |our )*(?:{messages}|subscription|mailing)\b",
)

STOP_WORDS = re.compile(
    r"(?:(?:please|okay|ok|just|seriously|now|not interested|no|thanks|thank you|guys|man|sir|hey|hi|hello)\b[ ,]*)*"
    r"(?:stop|remove|unsubscribe|unsub|cease|quit|opt[ -]?out|no more|enough)\b"
    r"(?:[ ,]*(?:it|this|now|please|already|all|everything|thanks|thank you|immediately|asap|me|us|stop)\b)*[ ,]*"
)

# What looks like an opt-out and is none.
NO_OPT_OUT = _table(
    r"\b(?:don't|never|didn't|won't|can't|not|wouldn't|couldn't|haven't)(?: (?:ever|please|want (?:you )?to|you"
    r"|yet|to|even|really"
    r"|going to|just))* (?:stop|quit|unsubscribe|opt|remove|delete|cancel|take|drop|lose|block|cease)\b[^,]*",
    r"\bnot (?:ask|asking|telling) you to stop\b",
    r"\b(?:if|unless|when|since|because|why) (?:you|they|i|we|people|he|she) (?:don't|never|didn't)\b[^,]*",
    r"\bwhy (?:don't|didn't|not)\b[^,]*",
    r"\b(?:you|they|he|she|people|customers|leads|who|homeowners|clients|that|we|i) (?:don't|never) "
    r"(?=(?:ever |usually |normally |really |just |often )?(?:call|e?mail|text|write|phone|ring|contact)\b)[^,]*",
    r"\b(?:people|customers|leads|homeowners|clients|they|we|i|who) (?:to )?(?:stop|quit|block|report)(?:ped|s"
    r"|ed)? [^,]*",
    r"\bto unsubscribe\b.*\b(?:click|tap|visit|follow|go to|use|press)\b.*",
    r"\b(?:click|tap|use|press|follow|visit)\b.*\bto unsubscribe\b.*",
    r"\bunsubscribe from our\b.*",
    r"\b(?:one|non|pit|bus|truck|full|door|rain|ridge|water|draft|gravel)[- ]stop\b.*",
    r"\bstop (?:by|in|over|at|off|the leak|the water|paying|losing|wasting(?! (?:my|our) time)|doing|using"
    r"|working)\b[^,]*",
    r"\bopt(?:ed|ing)? out of (?:angi|home ?advisor|thumbtack|insurance|the (?:other|old))\b[^,]*",
)
# "Don't call me before nine" and "don't text, call me" say how, not that nothing may come.
NO_CONTACT = re.compile(
    r"\b(?:don't|never|not to) (?:\w+ ){0,3}(?:contact|e?mail|call|text|message|phone|ring|write|bother|reach out)\b"
)
FOR_NOW = re.compile(
    r"\b(?:today|tonight|tomorrow|this (?:week|month|morning|afternoon|evening|weekend)|right now|until|till"
    r"|before|after"
    r"|during|while|at (?:night|work|lunch|dinner|home|the moment)|on (?:the )?(?:weekends?|job|roof|(?:mon|tues"
    r"|wednes|thurs|fri|satur|sun)days?)"
    r"|yet|past \d|so (?:early|late)|too (?:early|late)|next week|(?:this|that) (?:early|late)|between|at \d)\b"
)
OTHERWISE = re.compile(
    r"\b(?:instead|rather|(?:just|only|but|please|prefer|better to) (?:to )?(?:call|text|e?mail|phone|ring|write)"
    r"|(?:call|text|e?mail|phone|ring) (?:me|us|my|is (?:best|better)|works|only))\b"
)
FOR_EVER = re.compile(r"\b(?:again|anymore|any longer|ever|further|in (?:the )?future)\b")


# Absence notices.

AUTOMATIC_SUBJECT = re.compile(
    r"^(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response)|autoreply|out of (?:the )?office|ooo)\b"
    r"|\bout of (?:the )?office\b|\bon (?:vacation|leave|pto|holiday)\b"
)
AWAY = _table(
    r"\bout of (?:the |my |our )?office\b",
    r"\booo\b",
    r"\bout-of-office\b",
    r"\bauto(?:matic|mated)?[- ]?(?:reply|response|responder|message)\b",
    r"\b(?:i'm|we're|i'll be|we'll be|i will be|we will be|is|am|are|be|currently|still|away|family|off) "
    r"(?:\w+ ){{0,2}}(?:on|taking|enjoying) (?:\w+ ){{0,2}}(?:leave|vacation|holidays?|pto|honeymoon|sabbatical)\b",
    r"^(?:on|taking) (?:\w+ )?(?:leave|vacation|holiday|pto)\b",
    r"\baway from (?:my |the |our )?(?:desk|office|e?mail|computer|inbox|phone)\b",
    r"\b(?:i'm|we're|i'll be|we'll be|i will be|we will be|he's|she's|he is|she is) (?:currently |now |also )?"
    r"(?:away|out|off|gone|unavailable|travel+ing|out of town|out of state|out of the country|on the road"
    r"|at a (?:trade show|conference))"
    r"(?: of town)? (?:until|till|til|through|thru|from|starting|and will|returning|return|for the|the rest|all"
    r"|this week|next week|with limited"
    r"|on (?:business|vacation)|between)\b",
    r"\bout of town\b",
    r"\blimited (?:access|availability|cell|internet|connectivity)\b",
    r"\b(?:i|we)(?:'ll| will) (?:be back|return|respond|reply|answer) (?:\w+ ){{0,6}}(?:when i|when we|upon my"
    r"|upon return|on my return)\b",
    r"\b(?:be |am |i'm |we're )?back in (?:the )?office\b",
    r"\breturn(?:ing)? to the office\b",
    r"\b(?:office|shop|we|business) (?:is|are|will be|'re) closed (?:until|through|for|from|on|today|tomorrow"
    r"|this|in observance)\b",
    r"\b(?:our|the) (?:office|shop) (?:is|will be) closed\b",
)

BACK_ALREADY = _table(
    r"\b(?:was|were|been|got) (?:\w+ )?(?:out|away|off|on|back)\b[^,]*",
    r"\b(?:i'm|we're) (?:now )?back in (?:the )?office(?: now| again| today)?(?:,.*)?$",
    r"\bare you (?:guys )?(?:out|away|off|on|back|closed)\b[^,]*",
)

RETURN = re.compile(r"\b(?:back|return\w*|re-?open\w*|resum\w+|available)\b(?!.*\b(?:return|back)\b)")
UNAVAILABLE = re.compile(r"\b(?:not|un|n't|won't be|no longer) ?available\b|\bunavailable\b")
UNTIL = re.compile(r"\b(?:until|till|til|untill|before)\s*(?:the\s+|about\s+|at least\s+|after\s+)?$")
THROUGH = re.compile(r"(?:\b(?:through|thru|to|and|ending|ends|including)|[-–])\s*(?:the\s+|on\s+)?$")
FROM = re.compile(r"\b(?:from|starting|beginning|between|since|effective|as of)\s*(?:the\s+|on\s+)?$")
BEFORE_MENTION = 70


# Wishes.

DENIED = re.compile(
    r"(?<!why )\b(?:not|don't|never|no|isn't|aren't|wasn't|won't|wouldn't|can't|didn't|doesn't|without|hardly"
    r"|barely|stop|less than)\b"
    r"(?: \w+){0,3}? (?:interest(?:ed)?|call(?: me| us)?|send|hear|talk|sounds?|look(?:s|ing)?|need|learn|discuss"
    r"|chat|meet|schedule|book|sign)\b"
)
NOT_INTERESTED = _table(
    r"\b(?:not|don't|never|no longer|isn't|aren't|wasn't|hardly|less than|neither)\b(?: \w+){{0,3}}? interested\b",
    r"^uninterested\b|\bi'm uninterested\b",
    r"\b(?:no|zero|don't have any|don't have|haven't any) (?:\w+ )?interest\b",
    r"^(?:no|nope|nah|no way|negative)$",
    r"^(?:no|nope|nah|hi|hello|hey|hey there)?,? ?(?:no,? )?(?:thanks|thank you),? (?:but )?(?:no thanks"
    r"|no thank you|no)\b",
    r"^(?:\w+,? )?no,? (?:thanks|thank you|thx|ty|sir)\b",
    r"\b(?:not (?:for|right for) (?:us|me|our)|not a (?:good |great |right )?(?:fit|match)|not what (?:we"
    r"|i)(?:'re| are|'m| am)? ?(?:looking|after|need))\b",
    r"\b(?:we're|i'm|we are|all) (?:all )?(?:set|covered|taken care of)(?! (?:up|for))\b",
    r"\b(?:we're|i'm) (?:good|fine|okay|ok)(?:,? (?:thanks|thank you|for now|here|as we are|without|though"
    r"|on (?:leads|that))|$)",
    r"\b(?:i'll|we'll|i will|we will|gonna|going to|have to|hard|i|we) pass\b(?! (?:it|this|that|along|your"
    r"|on (?:your|the) info))",
    r"^pass$",
    r"\b(?:not|aren't) (?:currently |actively |really )?(?:looking for|looking to|in the market|in need)\b",
    r"\b(?:don't|no longer|doesn't|not) (?:\w+ )?(?:need|want|buy|use|pay for|purchase|do|require) (?:\w+ ){{0,3}}?"
    r"(?:leads?|this|your (?:service|services|help|leads|product|platform)|more work|more jobs|it|roofs|roofing"
    r"|roof work|residential|any help|anything)\b",
    r"^no need\b|\bno need (?:for|of)\b",
    r"\b(?:have|got) (?:enough|plenty|plenty of|more than enough|too much|all the) (?:of )?(?:\w+ )?(?:work"
    r"|business|leads|jobs|customers)\b",
    r"\b(?:booked|backed) (?:up|out|solid) (?:for|through|until|till|all)\b",
    r"\b(?:happy|satisfied|content|good) with (?:our|my|the|what|who|how)\b",
    r"\balready (?:have|use|using|work|working|signed|get|got) (?:\w+ ){{0,3}}?(?:lead|leads|agency|marketing"
    r"|provider|company|someone|somebody|guy|service|angi)\b",
    r"\b(?:out of|no longer in|closed (?:the|my|our)|closing (?:the|my|our)|sold (?:the|my|our)|selling (?:the|my"
    r"|our)) (?:business|company|shop)\b",
    r"\b(?:i'm|i've|he|she|owner|have|has)(?: \w+)? retired\b|\b(?:i'm|am|we're) retiring\b",
    r"\bwaste of (?:time|my time|money)\b",
    r"\b(?:decline|declining)\b(?! in)",
    r"\bthanks but no thanks\b",
)
CALL_ME = _table(
    r"(?<!they )(?<!people )(?<!customers )(?<!homeowners )(?<!leads )(?<!who )"
    r"\b(?:call|phone|ring|buzz|dial) (?:me|us|my|our|back)\b(?! (?:crazy|old|old-fashioned|skeptical|paranoid"
    r"|stupid))",
    r"\bcall ?back\b",
    r"\b(?:give|gimme|gives)(?: me| us)? (?:a |another )?(?:quick )?(?:call|ring|buzz|shout|shout out|holler"
    r"|phone call|tinkle)\b",
    r"(?:^(?:\w+,? ){{0,3}}|[,:-] (?:please |just |so )?)(?:call|phone) (?:after|before|at|tomorrow|today|later"
    r"|next|this|in|on|around|between|any ?time|mon|tue|wed|thu|fri|the office|again)",
    r"\b(?:reach|catch|get) (?:me|us) (?:at|on|by phone|around|after|tomorrow|any ?time|in the)\b",
    r"\b(?:best|better|good) (?:time|day|number) to (?:call|reach|ring)\b",
    r"\bhave (?:someone|somebody|him|her|a person|an? \w+) (?:call|phone|ring)\b",
    r"\b(?:my|our) (?:cell|number|phone|mobile|direct line) is\b",
    r"\b(?:want|wants|need|needs|like|prefer|request|requesting) (?:a |to get a )(?:call|callback|phone call)\b",
)
TRY_LATER = _table(
    r"\b(?:try|reach out|check|circle|follow up|touch base|get back|come back|ping|contact|message|talk|hit"
    r"|connect|speak|bug)\b"
    r"(?: (?:me|us|back|in|again|to|with|up|out))*\b",
)
INTERESTED = _table(
    r"(?:^|\b(?:i'm|i am|we're|am|very|definitely|yes|yeah|yep|sure|still|quite|really|absolutely|extremely|super"
    r"|certainly|potentially"
    r"|possibly|might be|may be|could be|i would be|we would be|i'd be|we'd be|we are|be|got me|count me|color me"
    r"|colour me|kind of|somewhat"
    r"|also|both|pretty|so|highly|okay|ok)[, ]+)interested\b",
    r"\b(?:sounds?|looks?|seems?) (?:\w+ )?(?:good|great|interesting|awesome|perfect|fair|promising|amazing"
    r"|excellent|cool|like a (?:plan|good|great)"
    r"|like something|like (?:what )?we|worth|helpful|useful|fantastic|wonderful|right up)",
    r"(?<!\bwe )(?<!\bi )(?<!\bthey )(?<!\bi'll )(?<!\bwe'll )(?<!\bwho )\b(?:send|shoot|e?mail|forward|text|mail"
    r"|get|give|share)(?: (?:me|us|it|over|that|them|the"
    r"|some|a|an|any|more|your|additional|further|those|along|please|my way|on|about|sample|few|full|quick"
    r"|pricing|price|with|through))* "
    r"(?:info\w*|details|pricing|prices?|rates|samples?|examples?|link|brochure|packet|contract|agreement"
    r"|proposal|example|something|calendar"
    r"|invite|paperwork|materials?|leads?|deck|overview|breakdown|numbers|case study|list|sheet)\b",
    r"\b(?:more|additional|further) (?:info\w*|details)\b",
    r"\btell (?:me|us) (?:a (?:bit|little) )?(?:more|about|how)\b",
    r"\b(?:like|love|want|happy|glad|open|ready|willing|curious|keen|eager|interested|wanna|down) (?:to"
    r"|in) (?:\w+ )?(?:learn|hear|know|see|find|discuss|talk|chat"
    r"|try|get started|sign|set|schedule|meet|connect|move|give|start|join|look|explore|book|learning|hearing"
    r"|trying|talking|test)\w*\b",
    r"\b(?:love|like) (?:a|the|one) (?:demo|trial|call|sample)\b",
    r"\bsign (?:me|us) up\b|\bcount (?:me|us) in\b|\bwhere do (?:i|we) sign\b",
    r"^(?:ok,? |yes,? |alright,? |sure,? )?(?:i'm|we're) in$",
    r"\blet'?s (?:do (?:it|this|that)|talk|chat|set|schedule|go|connect|meet|try|get|give|book|hop|jump|discuss"
    r"|move|start|speak|make it|plan)\b",
    r"\b(?:book|schedule|set up|set|put|pencil|sign) (?:me|us|it|a|the|something|an)\b(?! (?:roof|job"
    r"|crew))(?! record)",
    r"\b(?:can|could|shall|should|may|when can|might) (?:we|i) (?:\w+ )?(?:talk|chat|meet|speak|connect|discuss"
    r"|get on|hop|jump|schedule|set|book"
    r"|try|start|sign|get started|see|get|have|do a|arrange|join)\b",
    r"\bwhen (?:can|could|are you|do) (?:we|you|i)(?: \w+)? (?:talk|meet|start|available|free|begin|demo)\b",
    r"\b(?:i'm|we're|i am|i'd be|would be|should be) (?:\w+ )?(?:free|available|open)\b",
    r"\bhow much (?:is|does|do|are|would|will|for|per)\b|^how much$",
    r"\bwhat(?:'s| is| are| does| do|s| would)(?: \w+){{0,4}}? (?:cost|price|pricing|prices|rates?|charge|fees?"
    r"|run me|run us)\b",
    r"\bhow (?:does|do|would|will) (?:it|this|that|your \w+|these|the leads|i|we|the \w+) (?:\w+ )?(?:work"
    r"|get started|sign up|start|join|begin|proceed|sign)\b",
    r"\bwhat are (?:the |my )?next steps?\b|\bnext steps\b",
    r"^(?:yes|yeah|yep|yup|sure|absolutely|definitely|of course|y|yes sir|please do|go ahead|yes please|yeah sure"
    r"|sure thing|why not|"
    r"perfect|great|awesome|do it|works for me|that works|okay sure|ok sure)$",
    r"^(?:yes|yeah|yep|yup|sure|absolutely|definitely)[, ]+(?:please|send it|(?:mon|tues|wednes|thurs|fri)day"
    r"|tomorrow|i'm|we're|i'd|we'd|i would|we would|let'?s|thanks|thank you|that works|works|that would|that'd"
    r"|why not|go ahead)",
    r"\bshow me\b|\bi'll take (?:it|one|a|the|some|them)\b|\bworth a (?:chat|look|call|try|shot)\b|\bi'll bite\b",
    r"\b(?:that|this|it|which|tuesday|wednesday|thursday|friday|monday|tomorrow|afternoon|morning|then"
    r"|\d(?::\d\d)?(?:am|pm)?) works?(?: for (?:me|us)| great| well| fine|$)",
    r"\bfree (?:trial|sample|demo)\b|\bdo you (?:cover|serve|have leads|offer|work|have any leads|have a demo)\b"
    r"|\bpique\w*\b|\bintrigu\w+\b",
)
