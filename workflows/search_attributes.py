"""Search attributes by which operators find workflows; `temporal/` registers them from this table."""

from temporalio.common import SearchAttributeKey

CITY = SearchAttributeKey.for_keyword("City")
STATE = SearchAttributeKey.for_keyword("State")
LEAD_STATUS = SearchAttributeKey.for_keyword("LeadStatus")
LEAD_SCORE = SearchAttributeKey.for_int("LeadScore")
CONTRACTOR_ID = SearchAttributeKey.for_keyword("ContractorId")
CAMPAIGN_ID = SearchAttributeKey.for_keyword("CampaignId")
STAGE = SearchAttributeKey.for_keyword("Stage")

ALL = (CITY, STATE, LEAD_STATUS, LEAD_SCORE, CONTRACTOR_ID, CAMPAIGN_ID, STAGE)
