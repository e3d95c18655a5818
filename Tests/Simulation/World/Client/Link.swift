import AMQPBroker
import AMQPCore
import AMQPWire

/// One connection of a client: the product's core and outbox, and the pipes to the broker and back.
final class Link: ConnectionHost {
    let id: Int
    unowned let client: Client
    unowned let world: World
    let outbox: Outbox
    let transport: LinkTransport
    private(set) var watch: WireWatch
    var toBroker: Pipe
    var toClient: Pipe
    var mouth = Mouth()
    /// The broker's name for it; nil once the broker has forgotten it.
    var place: ConnectionID?
    private var kept: ConnectionCore?
    private var hasOpened = false
    /// Whether channels can be opened.
    var isOpen: Bool { self.hasOpened && self.kept?.isOpen == true }
    /// The client is done with it.
    private(set) var isOver = false
    private(set) var end: AMQPError?
    private(set) var server = ServerCapabilities()

    init(id: Int, client: Client, world: World) {
        self.id = id
        self.client = client
        self.world = world
        let salt = UInt64(id) << 8
        self.transport = LinkTransport(world.swarm, salt: salt | 10)
        self.outbox = Outbox(transport: self.transport, highWater: world.swarm.highWater)
        self.toBroker = Pipe(world.swarm, salt: salt | 11)
        self.toClient = Pipe(world.swarm, salt: salt | 12)
        let (trace, book) = (Trace.Who.client(client.index), world.book)
        self.watch = WireWatch(book: book) { [unowned world] what, method, channel, detail in
            world.note(trace, what, UInt64(method) << 32 | UInt64(channel), detail)
        } report: { [unowned world] invariant, text in
            world.violated(invariant, text)
        }
        self.transport.serves(self)
        let heartbeat = world.swarm.heartbeatSeconds
        let options = ConnectionOptions(heartbeatSeconds: heartbeat, connectTimeout: .seconds(10))
        self.kept = ConnectionCore(
            settings: HandshakeSettings(
                user: "guest",
                password: "guest",
                virtualHost: "/",
                clientProperties: Self.properties,
                channelMax: client.keeper.channelMax,
                frameMax: 8192,
                heartbeatSeconds: heartbeat
            ),
            options: options,
            outbox: self.outbox,
            host: self,
            now: world.now
        )
    }

    private static let properties: FieldTable = [
        "capabilities": .table([
            "authentication_failure_close": true, "consumer_cancel_notify": true, "connection.blocked": true,
            "basic.nack": true, "publisher_confirms": true,
        ])
    ]

    /// The product's core; there until the link is let go.
    var core: ConnectionCore? { self.kept }

    /// Nobody looks at it any more.
    func letGo() {
        self.kept = nil
        self.transport.isCut = true
    }

    // MARK: The client's end

    func start() { self.core?.start() }

    func arrived(_ octets: [UInt8]) {
        guard !self.isOver else { return }
        octets.withUnsafeBytes { self.watch.received($0, now: self.world.now) }
        self.core?.read(ReadMemory.block(octets, self.world.book), now: self.world.now)
        self.client.afterCore(self)
    }

    /// What no broker has said comes in, for a mutant.
    func forge(_ octets: [UInt8]) {
        guard !self.isOver, self.watch.isBetweenFrames else { return }
        self.core?.read(ReadMemory.block(octets, self.world.book), now: self.world.now)
    }

    func writes(_ bytes: UnsafeRawBufferPointer) {
        guard let changed = self.world.mutated(bytes) else { return self.send(bytes) }
        changed.withUnsafeBytes { self.send($0) }
    }

    private func send(_ bytes: UnsafeRawBufferPointer) {
        self.watch.sent(bytes, now: self.world.now)
        self.toBroker.send(bytes, now: self.world.now) { at in
            self.world.add(.parcel(link: self.id, toBroker: true), at: at)
        }
    }

    func socketIsFull() { self.world.add(.socketDrained(link: self.id), at: self.world.now + 3_000_000) }

    // MARK: The broker's end

    /// The broker sends this.
    func brokerSends(_ octets: [UInt8]) {
        let octets = self.mouth.say(octets)
        octets.withUnsafeBytes { bytes in
            self.toClient.send(bytes, now: self.world.now) { at in
                self.world.add(.parcel(link: self.id, toBroker: false), at: at)
            }
        }
    }

    func releaseConfirms() {
        let octets = self.mouth.release()
        if self.place != nil { self.brokerSends(octets) }
    }

    /// The broker has closed its end.
    func brokerCloses(_ parcel: Pipe.Parcel = .end) {
        self.place = nil
        self.toClient.end(parcel, now: self.world.now) { at in
            self.world.add(.parcel(link: self.id, toBroker: false), at: at)
        }
    }

    // MARK: ConnectionHost

    func connectionOpened(_ serverProperties: FieldTable) {
        self.server = ServerCapabilities(serverProperties)
        self.hasOpened = true
    }

    func setReading(_ isReading: Bool) {}
    func connectionBlocked(reason: String) {}
    func connectionUnblocked() {}
    func frameDropped(channel: UInt16) {}
    func secretUpdated() {}

    func connectionEnded(_ error: AMQPError, isWriting: Bool) {
        if self.end != nil { self.world.violated(.waiterEndsOnce, "the connection ended twice: \(error)") }
        self.end = error
        // What the socket has not taken is what another thread would still write.
        self.transport.drain()
        self.isOver = true
        self.toBroker.end(.end, now: self.world.now) { at in
            self.world.add(.parcel(link: self.id, toBroker: true), at: at)
        }
    }
}
