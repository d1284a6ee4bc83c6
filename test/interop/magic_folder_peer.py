"""magic-folder, by its own service, as one side of an invite; its grid is in memory.

    magic_folder_peer.py invite URL DIRECTORY PARTICIPANT MODE
    magic_folder_peer.py join URL DIRECTORY CODE
    magic_folder_peer.py join-again URL DIRECTORY CODE

The last one has a folder of that name already.

Writes a JSON object a line: for an invite {"code": ...} as soon as there is
one; at the end {"done": ...}, or {"error": ...} with status 1.
"""

import json
import sys

from hyperlink import DecodedURL
from magic_folder.config import create_testing_configuration
from magic_folder.service import MagicFolderService
from magic_folder.snapshot import create_local_author
from magic_folder.status import EventsWebSocketStatusService
from magic_folder.tahoe_client import create_tahoe_client
from magic_folder.testing.web import create_fake_tahoe_root, create_tahoe_treq_client
from magic_folder.util.capabilities import Capability
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from twisted.python.filepath import FilePath


def say(**fields):
    print(json.dumps(fields), flush=True)


def make_service(reactor, directory, url):
    config = create_testing_configuration(directory.child("state"), directory.child("node"))
    config.wormhole_uri = url
    root = create_fake_tahoe_root()
    tahoe = create_tahoe_client(DecodedURL.from_text("http://invalid./"), create_tahoe_treq_client(root))
    return root, MagicFolderService(reactor, config, EventsWebSocketStatusService(reactor, config), tahoe)


def add_folder(root, service, directory):
    """A folder with one participant, who is the one that invites."""

    def add(kind, data):
        return Capability.from_string(root.add_mutable_data(kind, data)[1])

    upload = add("URI:DIR2:", json.dumps(["dirnode", {"children": {}}]).encode())
    own = {"mutable": False, "ro_uri": upload.to_readonly().danger_real_capability_string(), "format": "SDMF"}
    collective = add("URI:DIR2:", json.dumps(["dirnode", {"children": {"alice": ["filenode", own]}}]).encode())
    service.config.create_magic_folder("photos", directory, create_local_author("alice"), collective, upload, 60, None)
    service._add_service_for_folder("photos")
    return collective


async def invite(root, service, directory, participant, mode):
    collective = add_folder(root, service, directory)
    invite = await service.invite_to_folder("photos", participant, mode)
    say(code=invite.wormhole_code, collective=collective.to_readonly().danger_real_capability_string())
    await invite.await_done()
    if invite._reject_reason is not None:
        raise RuntimeError(invite._reject_reason)
    folder = await service.tahoe_client.list_directory(collective)
    say(done=invite.marshal(), participants={name: entry[0].danger_real_capability_string() for name, entry in folder.items()})


async def join(root, service, directory, code):
    acknowledgement = await service.join_folder(code, "photos", "bob", directory, 60, 60)
    folder = service.config.get_magic_folder("photos")
    say(
        done=acknowledgement,
        collective=folder.collective_dircap.danger_real_capability_string(),
        personal=folder.upload_dircap and folder.upload_dircap.to_readonly().danger_real_capability_string(),
    )


async def join_again(root, service, directory, code):
    add_folder(root, service, directory)
    await join(root, service, directory, code)


async def run(reactor, side, url, path, *words):
    directory = FilePath(path).asTextMode()
    magic = directory.child("magic")
    for needed in (magic, directory.child("state")):
        needed.makedirs()
    root, service = make_service(reactor, directory, url)
    try:
        await {"invite": invite, "join": join, "join-again": join_again}[side](root, service, magic, *words)
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")
        raise SystemExit(1)


react(lambda reactor: ensureDeferred(run(reactor, *sys.argv[1:])))
