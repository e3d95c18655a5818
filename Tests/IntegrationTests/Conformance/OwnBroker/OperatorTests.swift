import AMQPClient
import AMQPWire
import TestSupport
import Testing

extension OwnBrokerTests {
    /// What an operator's settings and commands do to a client.
    struct OperatorTests {
        @Test func `C41 C44: 320 CONNECTION_FORCED: an operator closes all connections, each ends with their words`()
            async throws
        {
            try await OwnBrokerTests.run { rig, node in
                let watchers = [Watcher(), Watcher()]
                let channels = try watchers.map { try rig.connect(delegate: $0).openChannel() }
                try node.control("close_all_connections", "maintenance at noon")
                for (watcher, channel) in zip(watchers, channels) {
                    let error = try #require(watcher.awaitEnd())
                    #expect(error.code == AMQPError.Code(.connectionForced))
                    #expect(error.code.description == "320 CONNECTION_FORCED")
                    #expect(error.scope == .connection)
                    #expect(error.method == nil)
                    #expect(error.text.contains("maintenance at noon"))
                    #expect(error.isTransient)
                    #expect(try failureOf { try channel.prefetch(1) } == error)
                }
                try rig.connect().openChannel().proveAlive()
            }
        }

        @Test func `C42: 403 ACCESS_REFUSED for a user who may do nothing ends a channel each time`() async throws {
            try await OwnBrokerTests.run { rig, node in
                try node.control("add_user", "nobody", "secret")
                var endpoint = rig.endpoint
                endpoint.user = "nobody"
                endpoint.password = "secret"
                // Without any permission even the virtual host is shut.
                let shut = try failureOf { try Broker.connect(to: endpoint).close() }
                #expect(shut.code == AMQPError.Code(.notAllowed))
                #expect(shut.scope == .connection)
                #expect(shut.text.contains("access to vhost '/' refused for user 'nobody'"))

                try node.control("set_permissions", "nobody", "^$", "^$", "^$")
                let connection = try Broker.connect(to: endpoint)
                defer { connection.close() }
                let neighbour = try connection.openChannel()
                let declared = try connection.failure { _ = try $0.declareQueue("exclusive-jobs") }
                #expect(
                    declared.text.contains("access to queue 'exclusive-jobs' in vhost '/' refused for user 'nobody'")
                )
                let published = try connection.failure {
                    try $0.publish([1], exchange: "amq.direct", routingKey: "k")
                    try $0.awaitEnd()
                }
                #expect(published.text.contains("access to exchange 'amq.direct'"))
                #expect(published.method == .basicPublish)
                for error in [declared, published] {
                    #expect(error.code == AMQPError.Code(.accessRefused))
                    #expect(error.scope != .connection)
                    #expect(!error.isTransient)
                }
                try neighbour.prefetch(1)
            }
        }

        @Test func `C50: 406 for a body larger than max_message_size ends its channel`() async throws {
            try await OwnBrokerTests.run { rig, node in
                let connection = try rig.connect()
                let neighbour = try connection.openChannel()
                let queue = try neighbour.temporaryQueue()
                try node.setLargestBody(1000)
                let outcome = Result {
                    try connection.failure { channel in
                        try channel.selectConfirms()
                        try channel.publish([UInt8](repeating: 1, count: 1000), routingKey: queue)
                        #expect(try channel.awaitConfirms(timeout: Patience.long) == [])
                        try channel.publish([UInt8](repeating: 2, count: 1001), routingKey: queue)
                        _ = try channel.awaitConfirms(timeout: Patience.long)
                    }
                }
                try node.setLargestBody(OwnBroker.Node.largestBody)
                let error = try outcome.get()
                #expect(error.code == AMQPError.Code(.preconditionFailed))
                #expect(error.method == .basicPublish)
                #expect(error.text.contains("1001"))
                #expect(error.text.contains("larger than"))
                #expect(!error.isTransient)
                #expect(try neighbour.declareQueue(queue, passive: true).messageCount == 1)
            }
        }
    }
}
