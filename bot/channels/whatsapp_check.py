"""What `jisr doctor` says about WhatsApp: whether the platform knows the number, and how people like it."""

from bot.channels.whatsapp_client import GraphClient, GraphError, GraphFailed
from bot.channels.whatsapp_errors import failure

# Of the number, what an operator can act on.
FIELDS = "verified_name,quality_rating"


async def check_number(client: GraphClient) -> tuple[bool, str]:
    """Return whether all is well with the business number, and a sentence for the operator."""
    try:
        async with client:
            number = await client.call("GET", client.phone_number_id, query={"fields": FIELDS})
    except GraphError as error:
        if error.code == 100:
            return False, "WhatsApp knows no such number: see WHATSAPP_PHONE_NUMBER_ID."
        return (
            False,
            f"WhatsApp refuses (code {error.code}): {failure(error.code, status=error.status).words}",
        )
    except GraphFailed:
        return False, (
            "The WhatsApp server can't be reached: check this machine's network and WHATSAPP_API_URL."
        )
    if number.get("quality_rating") == "RED":
        return False, (
            "WhatsApp rates the number's quality as low: people block or report it. Write to fewer of them."
        )
    return True, f"WhatsApp knows the number: {number.get('verified_name')}."
