import AMQPWire
import Glibc

/// A RabbitMQ with two clients that play, and one that looks and tidies up.
final class RealSide {
    private let port: UInt16
    private var control: RealClient
    private var clients: [RealClient] = []
    /// Channels that answer nothing, by connection.
    private var silent: [Set<UInt16>] = []
    /// The channel that the step has closed.
    private var closedByStep: (connection: Int, channel: UInt16)?
    let version: String

    init(_ port: UInt16) throws {
        self.port = port
        self.control = try RealClient(port, channels: [1])
        self.version = self.control.version
        for _ in 0..<Script.clients { try self.connect() }
    }

    private func connect() throws {
        self.clients.append(try RealClient(self.port, channels: [1, 2]))
        self.silent.append([])
    }

    /// Does a step; the broker has taken it when this returns.
    func play(_ played: Script.Played) throws {
        let step = played.step
        switch step.action {
        case .wait(let milliseconds): poll(nil, 0, Int32(milliseconds))
        case .cut:
            self.clients[step.connection] = try RealClient(self.port, channels: [1, 2])
            self.silent[step.connection] = []
        case .send:
            let client = self.clients[step.connection]
            try client.send(try step.octets())
            if !played.closed[step.connection].isDisjoint(with: [0, step.channel]) {
                try client.await(2_000) { Self.hasClosed($0, step.channel) }
            } else if case .send(let parts) = step.action, parts.last?.method.id == .channelClose {
                try client.await(2_000) {
                    $0.contains { $0.channel == step.channel && $0.method.id == .channelCloseOk }
                }
                self.silent[step.connection].insert(step.channel)
                self.closedByStep = (step.connection, step.channel)
            } else {
                // Nothing may be sent before the answer to a commit (C64).
                if case .send(let parts) = step.action, parts.last?.method.id == .txCommit {
                    try client.await(20_000) {
                        $0.contains { $0.channel == step.channel && $0.method.id == .txCommitOk }
                            || Self.hasClosed($0, step.channel)
                    }
                }
                try self.mark([step.channel], step.connection)
            }
        }
    }

    private static func hasClosed(_ seen: [Seen], _ channel: UInt16) -> Bool {
        seen.contains {
            $0.method.id == .connectionClose || $0.channel == channel && $0.method.id == .channelClose
        }
    }

    /// Waits until channels have done what they were asked: they answer once more.
    private func mark(_ channels: [UInt16], _ index: Int) throws {
        let client = self.clients[index]
        self.note(index)
        let open = channels.filter { !self.silent[index].contains($0) }
        guard !open.isEmpty, !client.isEnded else { return }
        try client.send(try open.flatMap { try Wire.method(.channelFlow(ChannelFlow(active: true)), on: $0) })
        for channel in open {
            try client.await(20_000) { seen in
                seen.contains { $0.channel == channel && $0.method.id == .channelFlowOk }
                    || Self.hasClosed(seen, channel)
            }
            _ = client.take(.channelFlowOk, on: channel)
        }
    }

    /// Takes note of what has been closed.
    private func note(_ index: Int) {
        for seen in self.clients[index].seen {
            if seen.method.id == .channelClose { self.silent[index].insert(seen.channel) }
            if seen.method.id == .connectionClose { self.silent[index].formUnion([1, 2]) }
        }
    }

    /// Waits for queues and channels in turn, and gives what queues hold; also those that should be `gone`.
    func settle(_ queues: [String], gone: [String]) throws -> [String: QueueLook] {
        var looks = try self.look(queues)
        // The channel ends at one that is not there.
        for name in gone { looks[name] = try self.look([name])[name] }
        for index in self.clients.indices { try self.mark([1, 2], index) }
        return looks
    }

    private func look(_ queues: [String]) throws -> [String: QueueLook] {
        guard !queues.isEmpty else { return [:] }
        try self.control.send(
            try queues.flatMap { try Wire.method(.queueDeclare(QueueDeclare(queue: $0, passive: true)), on: 1) }
        )
        try self.control.await(20_000) { $0.count >= queues.count || Self.hasClosed($0, 1) }
        var looks: [String: QueueLook] = [:]
        for seen in self.control.takeSeen() {
            switch seen.method {
            case .queueDeclareOk(let ok):
                looks[ok.queue] = QueueLook(ready: Int(ok.messageCount), consumers: Int(ok.consumerCount))
            case .channelClose: try self.control.send(try Wire.reopen(1))
            default: continue
            }
        }
        if looks.count < queues.count {
            try self.control.await(20_000) { $0.contains { $0.method.id == .channelOpenOk } }
            _ = self.control.takeSeen()
        }
        return looks
    }

    /// What clients have seen since the last call.
    func takeSeen() -> [[Seen]] {
        for index in self.clients.indices { self.note(index) }
        return self.clients.map { $0.takeSeen() }
    }

    /// The monotonic clock.
    static func milliseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// Gives the broker a moment.
    func pause() { poll(nil, 0, 3) }

    /// Answers what was closed, as the script's other side did.
    func reopen(_ played: Script.Played) throws {
        for (index, channels) in played.closed.enumerated() {
            for channel in channels.sorted() where channel != 0 {
                try self.clients[index].send(try Wire.reopen(channel))
                try self.awaitOpen(channel, index)
            }
        }
        guard let (connection, channel) = self.closedByStep else { return }
        self.closedByStep = nil
        try self.clients[connection].send(try Wire.open(channel))
        try self.awaitOpen(channel, connection)
    }

    /// What is left of the channel's last life is dropped (C37).
    private func awaitOpen(_ channel: UInt16, _ index: Int) throws {
        let isOpen = try self.clients[index].await(20_000) {
            $0.contains { $0.channel == channel && $0.method.id == .channelOpenOk }
        }
        guard isOpen else { throw RealFailure(description: "channel \(channel) does not open again") }
        self.clients[index].drop(channel)
        self.silent[index].remove(channel)
    }

    /// Removes all that the script has left.
    func clean(_ script: Script, anew: Bool) throws {
        self.closedByStep = nil
        for index in self.clients.indices {
            if anew || self.clients[index].isEnded || !self.silent[index].isEmpty {
                self.clients[index] = try RealClient(self.port, channels: [1, 2])
            } else {
                let octets = try [1, 2].flatMap { channel in
                    try Wire.method(.channelClose(ChannelClose(replyCode: 200, replyText: "")), on: channel)
                }
                try self.clients[index].send(octets)
                let isDone = try self.clients[index].await(20_000) {
                    $0.count { $0.method.id == .channelCloseOk } == 2
                }
                _ = self.clients[index].takeSeen()
                guard isDone else { throw RealFailure(description: "channels do not close") }
                try self.clients[index].open(1)
                try self.clients[index].open(2)
            }
            _ = self.clients[index].takeSeen()
            self.silent[index] = []
        }
        let octets =
            try script.queues.flatMap { try Wire.method(.queueDelete(QueueDelete(queue: $0)), on: 1) }
            + script.exchanges.flatMap { try Wire.method(.exchangeDelete(ExchangeDelete(exchange: $0)), on: 1) }
        try self.control.send(octets)
        let count = script.queues.count + script.exchanges.count
        try self.control.await(20_000) { $0.count >= count || Self.hasClosed($0, 1) }
        if Self.hasClosed(self.control.takeSeen(), 1) {
            self.control = try RealClient(self.port, channels: [1])
        }
    }
}
