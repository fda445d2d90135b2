"""How each queue's activities object is built from the shared resources.

Imports stay inside: a worker loads only what it runs, so the messaging worker never loads a model.
"""

from collections.abc import Callable
from datetime import timedelta

from activities.billing.activities import BillingActivities
from activities.campaigns.activities import CampaignActivities
from activities.discovery.activities import DiscoveryActivities
from activities.enrichment.activities import EnrichmentActivities
from activities.imagery.activities import ImageryActivities
from activities.inference.activities import InferenceActivities
from activities.leads.activities import LeadActivities
from activities.messaging.activities import MessagingActivities
from activities.outreach.activities import OutreachActivities
from activities.profiles.activities import ProfileActivities
from activities.scraping.activities import ScrapingActivities
from activities.sequences.activities import SequenceActivities
from activities.subscriptions.activities import SubscriptionActivities, SubscriptionLetters, SubscriptionRecords
from workers.resources import Resources
from workflows.options import TaskQueue


def _leads(resources: Resources) -> LeadActivities:
    return LeadActivities(resources.database)


def _scraping(resources: Resources) -> ScrapingActivities:
    from integrations.assessor import Assessor
    from integrations.portals import PermitPortals

    token = resources.settings.socrata_app_token
    # Portal and assessor addresses are absolute: each city has its own.
    portals = PermitPortals(resources.vendor("permit_portal", ""), token.get_secret_value() if token else None)
    return ScrapingActivities(resources.database, portals, Assessor(resources.vendor("assessor", "")))


def _imagery(resources: Resources) -> ImageryActivities:
    from integrations.google_imagery import GoogleImagery

    settings = resources.settings
    http = resources.vendor("google_maps", settings.google_maps_base_url)
    imagery = GoogleImagery(http, settings.google_maps_api_key.get_secret_value())
    return ImageryActivities(resources.database, resources.object_store, imagery)


def _inference(resources: Resources) -> InferenceActivities:
    return InferenceActivities(resources.database, resources.object_store, resources.models)


def _enrichment(resources: Resources) -> EnrichmentActivities:
    from integrations.geocoding import CachedGeocoder, GoogleGeocoder
    from integrations.hunter import HunterFinder
    from integrations.zerobounce import ZeroBounceVerifier

    settings = resources.settings
    google = resources.vendor("google_maps", settings.google_maps_base_url)
    geocoder = CachedGeocoder(GoogleGeocoder(google, settings.google_maps_api_key.get_secret_value()), resources.redis)
    hunter = resources.vendor("hunter", settings.hunter_base_url)
    zerobounce = resources.vendor("zerobounce", settings.zerobounce_base_url)
    return EnrichmentActivities(
        resources.database,
        geocoder,
        HunterFinder(hunter, settings.hunter_api_key.get_secret_value()),
        ZeroBounceVerifier(zerobounce, settings.zerobounce_api_key.get_secret_value()),
    )


def _messaging(resources: Resources) -> MessagingActivities:
    from activities.messaging.letters import Sender
    from integrations.sendgrid_mail import SendGridMail

    settings = resources.settings
    mail = SendGridMail.from_settings(settings, resources.meter)
    return MessagingActivities(resources.database, mail, Sender.from_settings(settings))


def _billing(resources: Resources) -> BillingActivities:
    return BillingActivities(resources.database)


def _sequences(resources: Resources) -> SequenceActivities:
    return SequenceActivities(resources.database)


def _campaigns(resources: Resources) -> CampaignActivities:
    return CampaignActivities(resources.database)


def _discovery(resources: Resources) -> DiscoveryActivities:
    from integrations.google_places import GooglePlaces
    from integrations.yelp import YelpFusion

    settings = resources.settings
    google = resources.vendor("google_maps", settings.google_maps_base_url)
    yelp = resources.vendor("yelp", settings.yelp_base_url)
    return DiscoveryActivities(
        resources.database,
        GooglePlaces(google, settings.google_maps_api_key.get_secret_value()),
        YelpFusion(yelp, settings.yelp_api_key.get_secret_value()),
    )


def _profiles(resources: Resources) -> ProfileActivities:
    from integrations.hunter import HunterFinder
    from integrations.twilio_messaging import TwilioMessaging
    from integrations.websites import Websites
    from integrations.zerobounce import ZeroBounceVerifier

    settings = resources.settings
    websites = Websites.from_settings(settings, resources.meter)
    resources.stack.push_async_callback(websites.close)
    return ProfileActivities(
        resources.database,
        websites,
        HunterFinder(resources.vendor("hunter", settings.hunter_base_url), settings.hunter_api_key.get_secret_value()),
        ZeroBounceVerifier(
            resources.vendor("zerobounce", settings.zerobounce_base_url), settings.zerobounce_api_key.get_secret_value()
        ),
        TwilioMessaging.from_settings(settings, resources.meter),
    )


def _outreach(resources: Resources) -> OutreachActivities:
    from activities.messaging.letters import Letters, Sender
    from activities.outreach.calls import Calls
    from activities.outreach.channels.call import CallSender
    from activities.outreach.channels.email import EmailSender
    from activities.outreach.channels.sms import SmsSender
    from activities.outreach.demos import Demos
    from activities.outreach.gate import ContactGate
    from activities.outreach.links import Links
    from activities.outreach.personal import Personaliser
    from activities.outreach.sending import Touches
    from domain.cadence import Channel
    from integrations.calendly import Calendly
    from integrations.calls import call_provider
    from integrations.ollama_llm import LanguageModel
    from integrations.sendgrid_mail import SendGridMail
    from integrations.twilio_messaging import TwilioMessaging

    settings, meter, database = resources.settings, resources.meter, resources.database
    provider, calendly = call_provider(settings, meter), Calendly.from_settings(settings, meter)
    model = LanguageModel.from_settings(settings, meter)
    for client in (provider, calendly, model):
        resources.stack.push_async_callback(client.close)
    letters, links = Letters(Sender.from_settings(settings)), Links(calendly, settings.public_url)
    calls = Calls(database, provider, model)
    mail, twilio = SendGridMail.from_settings(settings, meter), TwilioMessaging.from_settings(settings, meter)
    settles = timedelta(seconds=settings.vendor_search_settles_seconds)
    touches = Touches(
        database,
        {
            Channel.EMAIL: EmailSender(
                database, mail, letters, links, Personaliser(model), settings.inbound_mail_domain, settles
            ),
            Channel.SMS: SmsSender(database, twilio, letters, links, settings.public_url, settles),
            Channel.CALL: CallSender(database, calls, settings.email_from_name, settings.call_voice_id),
        },
        letters,
        ContactGate.from_settings(settings),
    )
    return OutreachActivities(touches, calls, Demos(database, calendly))


def _subscription_records(resources: Resources) -> SubscriptionRecords:
    return SubscriptionRecords(resources.database)


def _subscriptions(resources: Resources) -> SubscriptionActivities:
    from integrations.stripe_billing import StripeBilling

    stripe = StripeBilling.from_settings(resources.settings, resources.meter)
    resources.stack.push_async_callback(stripe.close)
    return SubscriptionActivities(resources.database, stripe)


def _subscription_letters(resources: Resources) -> SubscriptionLetters:
    from activities.messaging.letters import Letters, Sender
    from integrations.calendly import Calendly
    from integrations.sendgrid_mail import SendGridMail

    settings, meter = resources.settings, resources.meter
    calendly = Calendly.from_settings(settings, meter)
    resources.stack.push_async_callback(calendly.close)
    mail, letters = SendGridMail.from_settings(settings, meter), Letters(Sender.from_settings(settings))
    return SubscriptionLetters(resources.database, mail, letters, calendly)


FACTORIES: dict[TaskQueue, tuple[Callable[[Resources], object], ...]] = {
    TaskQueue.ORCHESTRATION: (_leads, _sequences, _campaigns, _subscription_records),
    TaskQueue.SCRAPING: (_scraping, _discovery),
    TaskQueue.IMAGERY: (_imagery,),
    TaskQueue.INFERENCE: (_inference,),
    TaskQueue.ENRICHMENT: (_enrichment, _profiles),
    TaskQueue.MESSAGING: (_messaging, _outreach, _subscription_letters),
    TaskQueue.BILLING: (_billing, _subscriptions),
}
