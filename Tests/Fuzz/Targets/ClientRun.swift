import AMQPCore
import AMQPWire

/// One run: the client, its socket, its owner and its peer.
final class ClientRun: ConnectionHost {
    var input: FuzzInput
    let transport = FuzzTransport()
    let outbox: Outbox
    private(set) var core: ConnectionCore?
    var view = PeerView()
    var owners: [Owner] = []
    var reached = ClientFuzz.Reached()
    private(set) var finding: Finding?
    private(set) var now: UInt64 = 1_000_000_000
    private(set) var isOpen = false
    private var isReading = true
    private var ends = 0
    private var isInCore = false
    /// What the peer does while a call of the client writes.
    private var reactions = 0
    /// Octets per read; 0 is everything at once.
    private let pieceBytes: Int
    /// What the peer has said and the client not read yet.
    var inbound: [UInt8] = []
    let choice: UInt8
    /// Octets that the client has read.
    private(set) var readBytes = 0
    /// Calls that its owner has made.
    var calls = 0
    /// Octets of the bodies that its owner gave it to send.
    var givenBytes = 0
    private var incarnations: UInt64 = 0

    static let bodyLimit = 32 * 1024
    static let channelsAtMost = 6

    init(_ input: FuzzInput) {
        var input = input
        self.choice = input.octet()
        self.pieceBytes = Int(input.octet() / 4)
        self.input = input
        self.outbox = Outbox(transport: self.transport, highWater: 64 * 1024)
        var options = ConnectionOptions(heartbeatSeconds: 1)
        options.bodyByteLimit = Self.bodyLimit
        self.core = ConnectionCore(
            settings: HandshakeSettings(user: "u", password: "p", virtualHost: "/", heartbeatSeconds: 1),
            options: options,
            outbox: self.outbox,
            host: self,
            now: self.now
        )
        self.transport.wrote = { [unowned self] in self.react() }
    }

    func nextIncarnation() -> UInt64 {
        self.incarnations += 1
        return self.incarnations
    }

    func fail(_ text: String) { if self.finding == nil { self.finding = Finding(text) } }

    func play() {
        self.inCore { $0.start() }
        if self.choice & 1 == 0 { self.shakeHands() }
        while !self.input.isAtEnd, self.finding == nil {
            let code = self.input.octet()
            if code % 2 == 0 { self.ownerActs(code / 2) } else { self.peerActs(code / 2) }
            self.feed()
            self.checkWire()
            self.checkHeld()
        }
        if self.finding == nil { self.finish() }
        self.transport.wrote = {}
    }

    // MARK: The core and its thread

    func inCore(_ body: (ConnectionCore) -> Void) {
        guard let core = self.core, !self.isInCore else { return }
        self.isInCore = true
        body(core)
        self.isInCore = false
    }

    /// The client reads what the peer has said.
    func feed() {
        while !self.inbound.isEmpty, self.isReading, !self.isInCore, self.ends == 0 {
            let count = self.pieceBytes == 0 ? self.inbound.count : min(self.pieceBytes, self.inbound.count)
            let piece = self.inbound[..<count]
            self.view.peerWrote(piece)
            self.readBytes += count
            let block = ReadMemory.block(piece)
            self.inbound.removeFirst(count)
            self.inCore { $0.read(block, now: self.now) }
        }
        if self.ends > 0 { self.inbound.removeAll() }
    }

    func pass(_ nanoseconds: UInt64) {
        self.now += nanoseconds
        self.inCore { $0.tick(now: self.now) }
    }

    /// Lets the peer answer while a call of the owner writes.
    func reacting(_ body: () -> Void) {
        self.reactions = Int(self.input.octet() & 3)
        body()
        self.reactions = 0
    }

    private func react() {
        guard self.reactions > 0, !self.isInCore else { return }
        let count = self.reactions
        self.reactions = 0
        self.checkWire()
        for _ in 1..<count { self.peerActs(self.input.octet()) }
        self.answerAll()
        self.feed()
    }

    func checkWire() {
        do throws(Finding) {
            try self.view.clientWrote(self.transport.takeWire())
        } catch {
            self.fail(error.description)
        }
    }

    // MARK: The end

    /// The socket goes: everything that waits has to end, once.
    private func finish() {
        self.transport.mood = 0
        self.outbox.flush()
        self.transport.drain()
        self.checkWire()
        if self.ends == 0, !self.view.isClosing { self.checkOwners() }
        self.inCore { $0.endOfFileReceived() }
        guard self.ends == 1 else { return self.fail("the connection ended \(self.ends) times") }
        self.transport.drain()
        self.checkWire()
        for owner in self.owners {
            owner.look(self)
            owner.checkEnd(self)
        }
        self.reached.framesWritten = self.view.frames
    }

    /// A channel that is over for its owner is not left open on the wire.
    private func checkOwners() {
        let newest = Dictionary(self.owners.map { ($0.channel.number, $0) }) { _, newer in newer }
        for (number, owner) in newest where !owner.channel.isOpen && self.view.numbers[number]?.state == .open {
            self.fail(
                "channel \(number) is over for its owner and open for the peer: \(owner.channel.endReason as Any)"
            )
        }
    }

    // MARK: ConnectionHost

    func connectionOpened(_ serverProperties: FieldTable) {
        if self.isOpen { self.fail("the connection opened twice") }
        self.isOpen = true
        self.reached.opened += 1
    }
    func setReading(_ isReading: Bool) { self.isReading = isReading }
    func connectionBlocked(reason: String) {}
    func connectionUnblocked() {}
    func frameDropped(channel: UInt16) {}
    func secretUpdated() {}
    func connectionEnded(_ error: AMQPError, isWriting: Bool) {
        self.ends += 1
        // Another thread may still write the last words.
        if !isWriting { self.checkWire() }
        self.transport.isDown = !isWriting
    }
}
