import AMQPClient
import AMQPWire
import MillraceClient
import ServiceLifecycle
import TestSupport
import Testing

/// A client as a service, against a scripted peer.
@Suite struct JobClientTests {
    private struct Order: Encodable, Sendable {
        let id: Int
        let note: String?
    }
    private struct NotANumber: Encodable, Sendable { let value = Double.nan }

    private func run(
        peer script: @escaping @Sendable (ScriptedPeer) throws -> Void,
        client body: @Sendable (JobClient, ServiceGroup) throws -> Void
    ) async throws {
        try await OwnThread.run {
            try PeerListener.run(script) { endpoint in
                let options = JobClientOptions(
                    connection: Scripted.options,
                    publishing: PublisherOptions(timeout: Patience.long),
                    shutdownTimeout: Patience.long
                )
                let client = JobClient(to: [endpoint], options: options, logger: Broker.quiet)
                let group = ServiceGroup(services: [client], logger: Broker.quiet)
                try body(client, group)
            }
        }
    }

    @Test func `a value is enqueued as JSON, before the service runs too; the shutdown is graceful`() async throws {
        let isSent = Latch()
        try await self.run { peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            let first = try peer.expectPublish(on: 2)
            #expect(first.method.routingKey == "orders")
            #expect(String(decoding: first.body, as: UTF8.self) == #"{"id":7}"#)
            #expect(first.header.properties.contentType == "application/json")
            #expect(first.header.properties.deliveryMode == 2)
            isSent.open()
            try peer.confirm(1)
            try peer.passToEnd()
        } client: { client, group in
            let call = StartedTask { try await client.enqueue(Order(id: 7, note: nil), to: "orders") }
            let service = StartedTask { try await group.run() }
            #expect(isSent.wait())
            let shutdown = StartedTask { await group.triggerGracefulShutdown() }
            #expect(try call.result().sendings == 1)
            try shutdown.result()
            try service.result()
            let late = try StartedTask { try await client.enqueue(octets: [], to: "orders") }.failure()
            guard case .ended? = (late as? PublishFailure)?.reason else {
                Issue.record("\(String(describing: late))")
                return
            }
        }
    }

    @Test func `a value that is no JSON is the call's own error`() async throws {
        let client = JobClient(to: [Endpoint(host: "127.0.0.1")], logger: Broker.quiet)
        let failure = await #expect(throws: PublishFailure.self) {
            try await client.enqueue(NotANumber(), to: "orders")
        }
        guard case .invalid(let text)? = failure?.reason else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(text.contains("JSON"))
    }

    @Test func `what the broker refuses at the first attempt ends the service with the reason`() async throws {
        try await self.run { peer in
            try peer.refuseOpen(.notAllowed, "no such virtual host")
        } client: { client, _ in
            let call = StartedTask { try await client.enqueue(octets: [], to: "orders") }
            let failure = try StartedTask { try await client.run() }.failure() as? AMQPError
            #expect(failure?.code == AMQPError.Code(.notAllowed))
            #expect(try (call.failure() as? PublishFailure)?.fate == .notPublished)
        }
    }

    @Test func `a cancelled service ends too`() async throws {
        let isThere = Latch()
        try await self.run { peer in
            try peer.handshakeOfRecovering()
            isThere.open()
            try peer.passToEnd()
        } client: { client, _ in
            let service = StartedTask { try await client.run() }
            #expect(isThere.wait())
            service.cancel()
            try service.result()
        }
    }
}
