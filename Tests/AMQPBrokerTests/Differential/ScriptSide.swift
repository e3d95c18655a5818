import AMQPBroker
import AMQPClient
import AMQPWire
import Glibc
import TestSupport

/// One of the two brokers that a script is played to.
protocol ScriptSide: AnyObject {
    /// Opens one more connection, with channels 1 and 2.
    func open() throws
    func send(_ octets: [UInt8], on connection: Int) throws
    /// All that clients have seen since the last call, by connection, once nothing moves any more.
    func settle(_ queues: [String]) throws -> [[Seen]]
    /// What the control channel sees of a queue.
    func look(_ queue: String) throws -> String
}

/// The embedded broker.
final class EmbeddedSide: ScriptSide {
    private let rig: Rig
    private var clients: [RigClient] = []

    init(_ profile: Profile) { self.rig = Rig(BrokerSettings(profile: profile)) }

    func open() throws {
        let client = try self.rig.connect()
        try client.open(1, 2)
        self.clients.append(client)
    }

    func send(_ octets: [UInt8], on connection: Int) throws { self.clients[connection].sendRaw(octets) }

    func settle(_ queues: [String]) throws -> [[Seen]] { self.clients.map { $0.takeSeen() } }

    func look(_ queue: String) throws -> String {
        guard let view = self.rig.queue(queue) else { return "none" }
        return "\(view.ready) ready, \(view.consumers) consumers"
    }
}

/// A RabbitMQ.
final class RealSide: ScriptSide {
    private let endpoint: Endpoint
    private var control: RawClient
    private var controlChannel: UInt16 = 1
    private var clients: [RawClient] = []
    private var readers: [SeenReader] = []
    private var closed: [Set<UInt16>] = []
    private var early: [[Seen]] = []

    init(_ endpoint: Endpoint) throws {
        self.endpoint = endpoint
        self.control = try RawClient(endpoint)
        try self.control.open(1)
    }

    func open() throws {
        let client = try RawClient(self.endpoint)
        try client.open(1, 2)
        self.clients.append(client)
        self.readers.append(SeenReader())
        self.closed.append([])
        self.early.append([])
    }

    /// What comes before is kept for ``settle(_:)``.
    func awaitCloseOk(_ index: Int, _ channel: UInt16) throws {
        while true {
            let frame = try self.clients[index].frames.next()
            guard let seen = try self.readers[index].take(frame.type, frame.channel, frame.payload) else { continue }
            self.early[index].append(seen)
            if seen.channel == channel, seen.method.id == .channelCloseOk { return }
        }
    }

    func send(_ octets: [UInt8], on connection: Int) throws {
        guard !self.closed[connection].contains(0) else { return }
        try self.clients[connection].frames.sendRaw(octets)
    }

    /// A channel has done all that it was asked when it answers once more; a queue when it says what it holds.
    func settle(_ queues: [String]) throws -> [[Seen]] {
        var seen = try self.clients.indices.map { index in
            defer { self.early[index] = [] }
            return self.early[index] + (try self.drain(index))
        }
        var before: [String] = []
        for _ in 0..<6 {
            let now = try queues.map { try self.look($0) }
            if now == before { break }
            before = now
        }
        for index in self.clients.indices { seen[index] += try self.drain(index) }
        return seen
    }

    private func drain(_ index: Int) throws -> [Seen] {
        var all: [Seen] = []
        for channel: UInt16 in [1, 2] where self.closed[index].isDisjoint(with: [0, channel]) {
            try self.clients[index].send(ChannelFlow(active: true), on: channel)
            reading: while true {
                let frame = try self.clients[index].frames.next()
                guard let seen = try self.readers[index].take(frame.type, frame.channel, frame.payload) else {
                    continue
                }
                switch seen.method {
                case .channelFlowOk where seen.channel == channel: break reading
                case .channelClose: self.closed[index].insert(seen.channel)
                case .connectionClose: self.closed[index].insert(0)
                default: break
                }
                all.append(seen)
                if !self.closed[index].isDisjoint(with: [0, channel]) { break }
            }
        }
        return all
    }

    /// Gives the broker a moment.
    func pause() throws { _ = try self.control.frames.comesSomething(within: .milliseconds(5)) }

    /// A close was answered: the channel is there again, or all is new.
    func reopened(_ index: Int, _ channel: UInt16) { self.closed[index].remove(channel) }

    func look(_ queue: String) throws -> String {
        try self.control.send(QueueDeclare(queue: queue, passive: true), on: self.controlChannel)
        let frame = try self.control.frames.next()
        if frame.methodID == .queueDeclareOk {
            let declared = try frame.method(QueueDeclareOk.self)
            return "\(declared.messageCount) ready, \(declared.consumerCount) consumers"
        }
        try self.control.send(ChannelCloseOk(), on: self.controlChannel)
        self.controlChannel = self.controlChannel % 1000 + 1
        try self.control.open(self.controlChannel)
        return "none"
    }
}
