"""What a real RabbitMQ sent to the probes, as octets again.

A transcript has a line for each probe: its name, a bar, and the frames in the order they came, as text. It holds no
octets: each frame is rebuilt from all that its text says. What no transcript says is filled in: bodies, consumer tags
of consume-ok, the rest of a close's text after 110 characters, the broker's properties in connection.start.
"""
import ast
import os
import re
import struct

from octets import SERVER, frame, header, long, method, short, tag

# Replies that carry nothing.
PLAIN = {
    "channel.close-ok": (20, 41), "connection.close-ok": (10, 51), "connection.unblocked": (10, 61),
    "connection.update-secret-ok": (10, 71), "basic.qos-ok": (60, 11), "basic.recover-ok": (60, 111),
    "confirm.select-ok": (85, 11), "tx.select-ok": (90, 11), "tx.commit-ok": (90, 21), "tx.rollback-ok": (90, 31),
}
FRAME = re.compile(r"ch(\d+):([a-z]+(?:\.[a-z-]+)?)(.*)")
CLOSE = re.compile(r' (\d+) "(.*)" \(\((\d+), (\d+)\)\)', re.S)
# Many frames of one kind, counted instead of written down; three stand for them.
CLOSED_UNDER_LOAD = re.compile(r"deliver before close=\d+, close=(ch1:channel\.close .*\)\)), deliver AFTER close=\d+")
REPEATED_CLOSE = re.compile(r"\+[\d.]+s channel\.close")


class Event:
    """One frame: its channel, what it is, its octets for any channel."""

    def __init__(self, channel, what, kind, payload):
        self.channel, self.what, self.kind, self.payload = channel, what, kind, payload

    def acked(self):
        return [struct.unpack(">Q", self.payload[4:12])[0]] if self.what == "basic.ack" else []

    def octets(self, channel=None):
        if self.kind is None:
            return self.payload
        return frame(self.kind, self.channel if channel is None else channel, self.payload)


def read(folder):
    """The probes by name; those whose frames are the same octets once."""
    probes, seen = {}, set()
    for path in sorted(os.listdir(folder)):
        with open(os.path.join(folder, path), encoding="utf-8") as file:
            for line in file:
                name, bar, text = line.partition(" | ")
                events = list(Reader().events(text.strip().split(" ; ")))
                octets = b"".join(event.octets() for event in events)
                if bar and octets and octets not in seen:
                    seen.add(octets)
                    slug = re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")[:60].rstrip("-")
                    probes[f"probe-{slug}"] = events
    return probes


class Reader:
    """Reads one line; remembers what later frames refer to."""

    def __init__(self):
        self.queue, self.tags, self.last_close = "q", {}, None

    def events(self, words):
        for word in words:
            many = CLOSED_UNDER_LOAD.match(word)
            if many:
                load = ["ch1:basic.deliver ctag=a tag={} redel=0", "ch1:header(size=2)", "ch1:body(2)"]
                before = [text.format(number) for number in (1, 2, 3) for text in load]
                after = [text.format(number) for number in (4, 5, 6) for text in load]
                yield from self.events(before + [many[1]] + after)
            elif REPEATED_CLOSE.match(word):
                yield from self.events(['ch1:channel.close 406 "PRECONDITION_FAILED - delivery acknowledgement on '
                                        'channel 1 timed out. Timeout value used: 2000 ms." ((0, 0))'])
            elif word.startswith("HDR AMQP "):
                yield Event(0, "header", None, b"AMQP" + bytes(ast.literal_eval(word[len("HDR AMQP "):])))
            elif word.startswith("heartbeat("):
                yield Event(0, "heartbeat", 8, b"")
            elif match := FRAME.fullmatch(word):
                yield self.event(int(match[1]), match[2], match[3])

    def event(self, channel, what, rest):
        number = [int(text) for text in re.findall(r"\d+", rest)]
        if what == "header":
            return Event(channel, what, 2, header(number[0]))
        if what == "body":
            return Event(channel, what, 3, b"hi"[:number[0]].ljust(number[0], b"x"))
        return Event(channel, what, 1, self.method(channel, what, rest, number))

    def method(self, channel, what, rest, number):
        if what in PLAIN:
            return method(*PLAIN[what])
        field = dict(re.findall(r"(\w+)=(\S+)", rest))
        match what:
            case "connection.start":
                return method(10, 10, b"\0\x09", SERVER, long(b"AMQPLAIN PLAIN"), long(b"en_US"))
            case "connection.tune":
                return method(10, 30, struct.pack(">HIH", *number))
            case "connection.open-ok":
                return method(10, 41, b"\0")
            case "connection.blocked":
                return method(10, 60, short(rest.strip()))
            case "connection.close" | "channel.close":
                code, text, blamed_class, blamed_method = CLOSE.fullmatch(rest).groups()
                return method(20 if what[1] == "h" else 10, 40 if what[1] == "h" else 50, struct.pack(">H", int(code)),
                              short(text), struct.pack(">HH", int(blamed_class), int(blamed_method)))
            case "channel.open-ok":
                return method(20, 11, long(b""))
            case "channel.flow-ok":
                return method(20, 21, b"\1")
            case "queue.declare-ok":
                self.queue = field["name"]
                return method(50, 11, short(self.queue), struct.pack(">II", *number[-2:]))
            case "queue.delete-ok":
                return method(50, 41, struct.pack(">I", 0))
            case "basic.consume-ok":
                return method(60, 21, short("a"))
            case "basic.cancel-ok":
                return method(60, 31, short("a"))
            case "basic.cancel":
                return method(60, 30, short(field["ctag"]), bytes([int(field["nowait"])]))
            case "basic.deliver":
                self.tags[channel] = int(field["tag"])
                return method(60, 60, short(field["ctag"]), tag(self.tags[channel]), bytes([int(field["redel"])]),
                              short(""), short(self.queue))
            case "basic.get-ok":
                self.tags[channel] = self.tags.get(channel, 0) + 1
                return method(60, 71, tag(self.tags[channel]), b"\0", short(""), short(self.queue), struct.pack(">I", 0))
            case "basic.get-empty":
                return method(60, 72, short(""))
            case "basic.return":
                return method(60, 50, struct.pack(">H", number[0]), short(rest.split()[1]), short(""), short("none"))
            case "basic.ack" | "basic.nack":
                return method(60, 80 if what == "basic.ack" else 120, tag(number[0]), bytes([number[1]]))
        raise ValueError(f"a frame of unknown kind: {what}{rest}")


def streams(probes):
    """For the decoder: the frames one after the other, cut in another way each."""
    return {name: bytes([3 + 4 * (index * 7 % 64)]) + b"".join(event.octets() for event in events)
            for index, (name, events) in enumerate(probes.items())}


def programs(probes, words):
    """For the client: an owner that makes the requests, so that the frames of the probe meet what they met there."""
    return {name: Program(events, words).octets() for name, events in probes.items()}


class Program:
    def __init__(self, events, words):
        self.events, self.words = events, words
        self.channels, self.consumers = {}, 0

    def octets(self):
        if self.events[0].what in ("header", "connection.start"):
            return b"\1\0" + b"".join(self.raw(event.octets()) for event in self.events)
        steps, index = [self.words.WHOLE], 0
        while index < len(self.events):
            steps.append(self.step(index))
            # Header and body of basic.get are part of the answer.
            index += 3 if self.events[index].what == "basic.get-ok" else 1
        return b"".join(steps) + self.words.LOOK

    def step(self, index):
        words, event = self.words, self.events[index]
        owner = self.channels.get(event.channel, 0)
        answered = words.ANSWERED
        match event.what:
            case "channel.open-ok":
                self.channels[event.channel] = len(self.channels)
                return words.OPEN
            case "basic.consume-ok":
                self.consumers += 1
                return words.owner(1, 16 * self.consumers + 2, answered, channel=owner)
            case "basic.qos-ok":
                return words.owner(9, 4, answered, channel=owner)
            case "basic.recover-ok":
                return words.owner(9, 1, answered, channel=owner)
            case "basic.cancel-ok":
                return words.owner(9, 0x12, answered, channel=owner)
            case "basic.get-ok":
                return words.owner(2, 0, answered, 9, 0, channel=owner)
            case "basic.get-empty":
                return words.owner(2, 0, answered, 0, channel=owner)
            case "confirm.select-ok":
                # As many publishes as are answered later, and one that is not.
                acks = [number for later in self.events for number in later.acked()]
                return (words.owner(10, 1, answered, channel=owner)
                        + words.owner(3, 0, 2, answered, channel=owner) * (max(acks, default=0) + 1))
            case "tx.select-ok":
                return words.owner(10, 0, answered, channel=owner)
            case "tx.commit-ok" | "tx.rollback-ok":
                return words.owner(11, int(event.what == "tx.commit-ok"), answered, channel=owner)
            case "channel.close-ok":
                return words.owner(15, answered, channel=owner)
            case "queue.declare-ok" | "queue.delete-ok" | "channel.flow-ok" | "connection.update-secret-ok":
                return words.owner(9, 3, answered, channel=owner)  # the owner's only declaration is an exchange's
            case "connection.close-ok":
                return bytes([72]) + self.raw(event.octets())
        octets = event.octets(owner + 1 if event.channel else 0)
        if event.what in ("basic.deliver", "basic.cancel"):
            octets = self.own_tag(event, owner + 1)
        return self.raw(octets) + (words.LOOK if event.what == "body" else b"")

    def own_tag(self, event, channel):
        """The owner's first consumer is c1; the probes called theirs a, mostly."""
        length = event.payload[4]
        return frame(1, channel, event.payload[:4] + short("c1") + event.payload[5 + length:])

    def raw(self, octets):
        return b"".join(self.words.peer(12, len(piece)) + piece
                        for piece in (octets[at:at + 255] for at in range(0, len(octets), 255)))
