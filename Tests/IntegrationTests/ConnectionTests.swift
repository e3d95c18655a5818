import AMQPClient
import TestSupport
import Testing

/// Login, limits and the end of connections on a real RabbitMQ.
@Suite(.ownThread, .enabled(if: Broker.isThere, "needs AMQP_URL; ops/test starts a RabbitMQ"))
struct ConnectionTests {
    private func failure(_ change: (inout Endpoint) -> Void) throws -> AMQPError? {
        var endpoint = try Broker.endpoint()
        change(&endpoint)
        do {
            try Broker.connect(to: endpoint).close()
            return nil
        } catch {
            return error as? AMQPError
        }
    }

    @Test func `C5 C6: a wrong password is a 403 with the broker's words`() throws {
        let error = try #require(try self.failure { $0.password = "wrong" })
        #expect(error.code.rawValue == 403)
        #expect(error.scope == .connection)
        #expect(error.advice == "Check user and password in the URI.")
        #expect(!"\(error)".contains("wrong"))
    }

    @Test(.tags(.rabbitMQWords), .onRabbitMQ)
    func `C12: a virtual host that is not there is a 530`() throws {
        let error = try #require(try self.failure { $0.virtualHost = "nope" })
        #expect(error.code.rawValue == 530)
        #expect(error.text.contains("nope"))
    }

    @Test func `nobody listens: the address and the system's reason`() throws {
        let error = try #require(try self.failure { $0.port = 1 })
        #expect(error.code == .unreachable)
        #expect(error.text == "no connection to \(try Broker.endpoint().host):1: Connection refused")
        #expect(error.isTransient)
    }

    @Test func `C13 C41: after close, calls say so, and closing again does nothing`() throws {
        let connection = try Broker.connect()
        let channel = try connection.openChannel()
        connection.close()
        connection.close()
        #expect(throws: AMQPError.self) { _ = try connection.openChannel() }
        #expect(throws: AMQPError.self) { try channel.prefetch(1) }
        #expect(!channel.isOpen)
    }
}
