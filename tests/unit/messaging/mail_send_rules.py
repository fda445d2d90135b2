"""The rules of SendGrid's v3 mail/send that our requests must keep, written down from its documentation."""

from typing import Any

EMAIL = {
    "type": "object",
    "properties": {"email": {"type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$"}, "name": {"type": "string"}},
    "required": ["email"],
    "additionalProperties": False,
}

MAIL_SEND: dict[str, Any] = {
    "type": "object",
    "required": ["personalizations", "from", "subject", "content"],
    "additionalProperties": False,
    "properties": {
        "personalizations": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1000,
            "items": {
                "type": "object",
                "required": ["to"],
                "additionalProperties": False,
                "properties": {
                    "to": {"type": "array", "minItems": 1, "maxItems": 1000, "items": EMAIL},
                    "custom_args": {"type": "object", "additionalProperties": {"type": "string"}},
                    "substitutions": {
                        "type": "object",
                        "maxProperties": 10000,
                        "additionalProperties": {"type": "string"},
                    },
                    "headers": {
                        "type": "object",
                        "additionalProperties": {"type": "string", "pattern": "^[ -~]+$"},
                        "propertyNames": {
                            "not": {
                                "pattern": "(?i)^(x-sg-e?id|received|dkim-signature|content-.*|to|from|subject"
                                "|reply-to|b?cc)$"
                            },
                        },
                    },
                },
            },
        },
        "from": EMAIL,
        "reply_to": EMAIL,
        "subject": {"type": "string", "minLength": 1},
        "content": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["type", "value"],
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": ["text/plain", "text/html"]},
                    "value": {"type": "string", "minLength": 1},
                },
            },
        },
        "categories": {
            "type": "array",
            "maxItems": 10,
            "uniqueItems": True,
            "items": {"type": "string", "maxLength": 255},
        },
        "tracking_settings": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "click_tracking": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"enable": {"type": "boolean"}, "enable_text": {"type": "boolean"}},
                },
                "open_tracking": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"enable": {"type": "boolean"}, "substitution_tag": {"type": "string"}},
                },
                "subscription_tracking": {"type": "object", "properties": {"enable": {"type": "boolean"}}},
            },
        },
    },
}

MAX_CUSTOM_ARGS_BYTES = 10_000
