"""A receiver of magic-wormhole's that takes the text and then vanishes without a word.

    wormhole_silent_receiver.py URL CODE
"""

import os
import sys

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from wormhole import create
from wormhole.cli.cmd_receive import APPID


async def receive(reactor, url, code):
    wormhole = create(APPID, url, reactor)
    wormhole.set_code(code)
    message = await wormhole.get_message()
    print(message.decode(), flush=True)
    os._exit(0)


react(lambda reactor: ensureDeferred(receive(reactor, *sys.argv[1:])))
