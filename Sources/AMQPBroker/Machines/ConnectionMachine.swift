import AMQPWire

/// A connection of a client: where it stands between its first octet and its end, and what is to be sent to it.
struct ConnectionMachine: Sendable {
    enum Phase: Sendable {
        case protocolHeader, startOk, tuneOk, open, running
        /// The broker has said close, and waits for close-ok.
        case closing
        /// Nothing more is read; what is still to be sent goes out, then the socket is closed.
        case ended
    }
    let id: ConnectionID
    var phase = Phase.protocolHeader
    var splitter: FrameSplitter
    var channels = ChannelTable()
    /// Closed by the client in what is being read: they are free when it has the answer (C33).
    var justClosed: Set<UInt16> = []
    var channelMax: UInt16
    var frameMax: Int
    /// Milliseconds between heartbeats; 0 for none.
    var heartbeat: UInt64 = 0
    var user = ""
    /// The place of its virtual host.
    var vhost = 0
    var capabilities: FieldTable = [:]
    var clientProperties: FieldTable = [:]
    var output: [UInt8] = []
    /// Told by the broker's list of what has something to send.
    var isDirty = false
    var receivedAt: UInt64
    var sentAt: UInt64
    /// When it ends if nothing happens before.
    var endsAt = UInt64.max
    /// When the broker looks at it next.
    var armedAt = UInt64.max
    var hasPublished = false
    /// The driver can not send for now: nothing more is handed out.
    var isCongested = false
    /// It was told that it is blocked, and nothing of it is read.
    var isBlocked = false
    /// What came while it was blocked.
    var held: [UInt8] = []

    init(id: ConnectionID, settings: BrokerSettings, now: UInt64) {
        self.id = id
        self.splitter = FrameSplitter(from: .client, frameMax: Int(settings.frameMax))
        self.channelMax = settings.channelMax
        self.frameMax = Int(settings.frameMax)
        self.receivedAt = now
        self.sentAt = now
        self.endsAt = now + settings.handshakeTimeout
    }

    /// Whether the client has said that it understands something.
    func can(_ capability: String) -> Bool { self.capabilities[capability]?.boolValue == true }

    /// When there is something to do without anybody asking, in milliseconds since 1970; the largest number if there is
    /// nothing.
    var deadline: UInt64 {
        var deadline = self.endsAt
        if self.heartbeat > 0, self.phase == .running {
            deadline = Swift.min(deadline, self.sentAt + self.heartbeat / 2)
            if !self.isBlocked { deadline = Swift.min(deadline, self.receivedAt + self.heartbeat * 3) }
        }
        for channel in self.channels.values { deadline = Swift.min(deadline, channel.unacked.nextDue) }
        return deadline
    }
}
