"""`python -m temporal setup`: registers the search attributes on the server, e.g. the one of compose."""

import argparse
import asyncio

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest

from config.settings import get_settings
from temporal import connect
from temporal.search_attributes import INDEXED_VALUE_TYPES, SEARCH_ATTRIBUTES


async def setup() -> list[str]:
    """Register the attributes the server lacks and return their names."""
    settings = get_settings()
    client = await connect(settings)
    operator = client.operator_service
    known = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=settings.temporal_namespace))
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in known.custom_attributes}
    if missing:
        await operator.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=settings.temporal_namespace,
                search_attributes={name: INDEXED_VALUE_TYPES[kind] for name, kind in missing.items()},
            )
        )
    return sorted(missing)


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(prog="python -m temporal", description=__doc__)
    parser.add_argument("command", choices=["setup"])
    parser.parse_args()
    registered = asyncio.run(setup())
    print(f"Registered search attributes: {', '.join(registered) or 'none missing'}")


if __name__ == "__main__":
    main()
