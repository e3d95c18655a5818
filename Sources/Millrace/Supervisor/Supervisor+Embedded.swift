import AMQPClient
import AMQPWire
import Logging

/// The broker in this process: there from before the first connection until after the last one.
extension Supervisor {
    /// Starts it, if the file has one and it is not there yet; ``run()`` does so too, but a door should find it.
    ///
    /// - Returns: How the run ends if it can not be had; nil if all is well.
    package func startBroker() -> ExitStatus? {
        guard let settings = self.file.connection.embedded, self.broker.withLock({ $0 == nil }) else { return nil }
        guard let start = self.options.startBroker else {
            self.logger.critical(
                "the job file wants a broker in this process, and this program has none: link MillraceEmbedded and set SupervisorOptions.startBroker, or name a broker, amqp://host"
            )
            return .configuration
        }
        do {
            let broker = try start(settings)
            self.broker.withLock { $0 = broker }
            self.logger.warning(
                "the broker is in this process, in memory: for development and tests; nothing survives its end",
                metadata: [
                    "address": "\(Self.address(broker))", "behaves_as": "\(broker.kind)",
                    "memory": "\(settings.memoryText)",
                ]
            )
            return nil
        } catch {
            self.logger.critical(
                "the broker in this process can not be started",
                metadata: ["port": .number(settings.port), "reason": "\(error)"]
            )
            return .brokerUnavailable
        }
    }

    /// Ends it, and says what is gone with it.
    func endBroker() {
        guard let broker = self.broker.withLock({ $0 }) else { return }
        let rest = broker.messages()
        self.lastMessages.withLock { $0 = rest }
        broker.stop()
        let left = rest.filter { $0.count > 0 }
        guard !left.isEmpty else {
            return self.logger.info("the broker in this process has ended; no message was left in it")
        }
        let shown = left.prefix(Self.shown).map { "\($0.queue) \($0.count)" }.joined(separator: ", ")
        let more = left.count > Self.shown ? ", and \(Plural.of(left.count - Self.shown, "queue")) more" : ""
        self.logger.warning(
            "the broker in this process has ended, and what was left in it is gone",
            metadata: ["messages": .number(left.reduce(0) { $0 + $1.count }), "queues": "\(shown)\(more)"]
        )
    }

    /// Queues that are named at the end.
    private static let shown = 20

    /// What its queues held when it ended, those that were empty too; nil where there was none, or it has not ended.
    ///
    /// From any thread.
    public var messagesAtEnd: [(queue: String, count: Int)]? { self.lastMessages.withLock { $0 } }

    /// For any client on this machine.
    static func address(_ broker: any InProcessBroker) -> String { "amqp://guest:guest@127.0.0.1:\(broker.port)" }

    /// Where the brokers of a connection's settings are, that in this process among them.
    func endpoints(of settings: ConnectionSettings, refused: (AMQPError) -> Void = { _ in }) -> [Endpoint] {
        guard settings.embedded != nil else { return settings.endpoints(refused: refused) }
        return self.broker.withLock { $0 }.map { [Endpoint(host: "127.0.0.1", port: $0.port)] } ?? []
    }

    /// Why a reload can not have another connection; nil if it can.
    func refusal(of connection: ConnectionSettings) -> String? {
        let running = self.file.connection.embedded
        guard running != connection.embedded else { return nil }
        return running == nil
            ? "a reload can not change to the embedded broker; nothing has changed: start the supervisor anew"
            : "a reload can not leave or change the embedded broker, with which its messages would be gone; nothing has changed: start the supervisor anew"
    }
}
