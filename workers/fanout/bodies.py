"""Answers that are more than one value: documents a browser may have already, parts that still grow."""

import trio

from engine.protocols.http import Fields, Head, document_head, is_not_modified, not_modified_head
from engine.protocols.http.media_responses import REVALIDATE
from workers.fanout.exchange import Exchange, Overwritten
from workers.fanout.pages import Asset
from workers.fanout.shelf import GrowingPart, Shelf


async def send_document(exchange: Exchange, document: Asset, extra: Fields) -> int:
    """Send a page or what it loads, unless the browser has it; the status."""
    if is_not_modified(exchange.request.headers, document.etag):
        head = not_modified_head(etag=document.etag, cache_control=REVALIDATE, request_id=exchange.request_id)
        await exchange.send(head)
        return 304
    head = document_head(
        len(document.body),
        content_type=document.content_type,
        etag=document.etag,
        request_id=exchange.request_id,
        extra=extra,
    )
    await exchange.send(head, document.body)
    return 200


async def send_growing(exchange: Exchange, shelf: Shelf, growing: GrowingPart, head: Head) -> None:
    """Send a part as it grows."""
    await exchange.begin(head)
    sent = 0
    with trio.fail_after(shelf.patience_s):
        while sent < len(growing.chunks) or not growing.whole:
            changed, chunks = shelf.changed, growing.chunks[sent:]
            for entry in chunks:
                await exchange.add_from_ring(shelf.ring, entry.pos, entry.end)
            sent += len(chunks)
            if not chunks:
                if shelf.over or growing.broken:
                    raise Overwritten
                await changed.wait()
    await exchange.finish()
