import AMQPBroker
import AMQPBrokerServer
import AMQPWire
import Millrace
public import MillraceTesting

/// Messages in and out by the back door: no connection is needed, and nothing is taken away by looking.
extension TestRun {
    /// Puts a message into a queue, by the default exchange.
    ///
    /// - Parameters:
    ///   - queue: By its name in the file.
    ///   - message: Its exchange and routing key do not count, nor does `redelivered`.
    ///   - id: Its `message-id`, by which ``outcome(of:)`` finds it; the message's own unless given.
    /// - Throws: ``TestRunError`` if there is no such queue, or if it refuses the message.
    public func publish(_ queue: String, _ message: TestMessage, id: String? = nil) async throws {
        var message = message
        (message.exchange, message.routingKey) = ("", queue)
        message.messageID = id ?? message.messageID
        try await self.publish(message)
    }

    /// Puts a value into a queue, as JSON.
    ///
    /// - Throws: As ``publish(_:_:id:)``, and what the value throws.
    public func publish(_ queue: String, json value: some Encodable & Sendable, id: String? = nil) async throws {
        try await self.publish(queue, try TestMessage(json: value), id: id)
    }

    /// Publishes a message to its exchange, by its routing key.
    ///
    /// - Throws: ``TestRunError`` if no queue takes it.
    public func publish(_ message: TestMessage) async throws {
        let (exchange, key) = (message.exchange, message.routingKey)
        let place = exchange.isEmpty ? ("", self.onBroker(key)) : (self.onBroker(exchange), key)
        let (body, properties) = (message.body, message.wireProperties)
        let taken = try await self.server.with { broker, now -> Result<Int, BackDoorError> in
            do throws(BackDoorError) {
                return .success(try broker.put(body, properties, exchange: place.0, routingKey: place.1, now: now))
            } catch {
                return .failure(error)
            }
        }
        switch taken {
        case .success(0):
            let isThere = try await self.server.look { broker, _ in broker.queues().contains { $0.name == place.1 } }
            throw TestRunError(
                exchange.isEmpty && isThere
                    ? .refused(exchange: exchange, routingKey: key) : .unroutable(exchange: exchange, routingKey: key)
            )
        case .success: break
        case .failure(let error): throw TestRunError(.impossibleMessage(error.text))
        }
    }

    /// A queue, by its name in the file.
    public func queue(_ name: String) -> TestQueue { TestQueue(run: self, name: name) }

    /// All queues that the broker has, by the broker's names.
    ///
    /// - Throws: If the run has been stopped.
    public var queueNames: [String] {
        get async throws { try await self.server.look { broker, _ in broker.queues().map(\.name) } }
    }

    /// What the broker calls a queue or an exchange of the file.
    func onBroker(_ name: String) -> String {
        guard let names = self.file.names else { return name }
        return names.queues.contains(name) || names.exchanges.contains(name) ? names.onBroker(name) : name
    }

    func noQueue(_ name: String) async throws -> TestRunError {
        TestRunError(.noQueue(name, offered: try await self.queueNames))
    }
}

/// A queue of a run's broker, seen from behind.
public struct TestQueue: Sendable {
    let run: TestRun
    /// Its name in the file.
    public let name: String

    /// The messages that nobody holds, in the order in which they go out; they stay.
    ///
    /// - Throws: ``TestRunError`` if there is no such queue.
    public var messages: [TestMessage] {
        get async throws {
            _ = try await self.view
            let name = self.run.onBroker(self.name)
            return try await self.run.server.look { broker, _ in broker.messages(of: name).map(TestMessage.init(entry:))
            }
        }
    }

    /// How many messages nobody holds.
    ///
    /// - Throws: ``TestRunError`` if there is no such queue.
    public var count: Int { get async throws { try await self.view.ready } }

    /// How many messages consumers have in hand.
    ///
    /// - Throws: ``TestRunError`` if there is no such queue.
    public var inHand: Int { get async throws { try await self.view.unacked } }

    /// Puts a message into it; see ``TestRun/publish(_:_:id:)``.
    public func put(_ message: TestMessage) async throws { try await self.run.publish(self.name, message) }

    private var view: EmbeddedBroker.QueueView {
        get async throws {
            let name = self.run.onBroker(self.name)
            let view = try await self.run.server.look { broker, _ in broker.queues().first { $0.name == name } }
            guard let view else { throw try await self.run.noQueue(self.name) }
            return view
        }
    }
}
