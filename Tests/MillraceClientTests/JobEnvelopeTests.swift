import AMQPClient
import AMQPWire
import MillraceClient
import MillraceMessages
import Testing
import Tracing

@Suite struct JobEnvelopeTests {
    private struct Key: ServiceContextKey {
        typealias Value = String
        static let nameOverride: String? = "where"
    }

    /// Writes what the context says, as tracers do.
    private struct Writer: Instrument {
        func extract<Carrier, Extract: Extractor>(
            _ carrier: Carrier,
            into context: inout ServiceContext,
            using extractor: Extract
        ) where Extract.Carrier == Carrier {}
        func inject<Carrier, Inject: Injector>(
            _ context: ServiceContext,
            into carrier: inout Carrier,
            using injector: Inject
        )
        where Inject.Carrier == Carrier {
            if let value = context[Key.self] { injector.inject(value, forKey: "traceparent", into: &carrier) }
        }
    }

    private func message(
        _ delay: Delay = .none,
        _ properties: BasicProperties = BasicProperties(),
        user: String? = "app",
        context: ServiceContext? = nil
    ) throws(PublishFailure) -> OutgoingMessage {
        try JobEnvelope(queue: "orders", delay: delay, user: user)
            .message([1], properties, now: 5_000_000, context, Writer())
    }

    @Test func `a job goes to its queue, persistent, with the time, and comes back if there is no such queue`() throws {
        let message = try self.message()
        #expect(message.exchange == "" && message.routingKey == "orders" && message.mandatory)
        #expect(message.properties.deliveryMode == 2 && message.properties.timestamp == 5000)
        #expect(message.properties.headers == nil && message.properties.userID == nil)
        let own = try self.message(.none, BasicProperties(deliveryMode: 1, timestamp: 7))
        #expect(own.properties.deliveryMode == 1 && own.properties.timestamp == 7)
    }

    @Test func `a delayed job waits as a copy of a supervisor does: in a stage, with a note, and our login`() throws {
        let message = try self.message(.minutes(5), BasicProperties(headers: ["a": 1]))
        #expect(message.routingKey == "orders.delay.256s")
        #expect(message.properties.userID == "app")
        let note = try #require(DelayNote(message.properties.headers))
        #expect(note.due == 5_300_001 && note.left == 44_000)
        #expect(message.properties.headers?["a"] == 1)
        #expect(try self.message(.milliseconds(1)).routingKey == "orders.delay.0s")
    }

    @Test func `a delay that can not be kept is refused before anything is sent`() {
        func reason(_ body: () throws(PublishFailure) -> OutgoingMessage) -> PublishFailure.Reason? {
            do throws(PublishFailure) {
                _ = try body()
                return nil
            } catch {
                return error.reason
            }
        }
        for wrong in [
            reason { () throws(PublishFailure) in try self.message(.days(8)) },
            reason { () throws(PublishFailure) in try self.message(.seconds(1), user: nil) },
            reason { () throws(PublishFailure) in try self.message(.seconds(1), BasicProperties(expiration: "10")) },
        ] {
            guard case .invalid? = wrong else {
                Issue.record("\(String(describing: wrong))")
                continue
            }
        }
    }

    @Test func `where the caller stands in a trace goes into the headers`() throws {
        var context = ServiceContext.topLevel
        context[Key.self] = "00-here"
        let message = try self.message(.none, BasicProperties(headers: ["a": 1]), context: context)
        #expect(message.properties.headers?["traceparent"] == .string("00-here"))
        #expect(message.properties.headers?["a"] == 1)
    }
}
