import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// What tasks publish, as its broker sees it.
@Suite struct ScriptedPublisherTests {
    @Test func `many are on their way on one channel; each call returns when its own is confirmed`() async throws {
        let isFirstAnswered = Latch()
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            var tags: [String: UInt64] = [:]
            for tag in 1...3 as ClosedRange<UInt64> {
                let publish = try peer.expectPublish(on: 2)
                #expect(publish.header.properties.headers?["millrace-seq"] == nil)
                tags[publish.header.properties.messageID ?? ""] = tag
            }
            try peer.confirm(try #require(tags["id-b"]))
            #expect(isFirstAnswered.wait())
            try peer.confirm(3, multiple: true)
            try peer.passToEnd()
        } client: { publisher in
            let (a, b, c) = (publisher.start("a"), publisher.start("b"), publisher.start("c"))
            let second = try b.result()
            #expect(second == PublishReceipt(messageID: "id-b"))
            isFirstAnswered.open()
            #expect(try a.result().sendings == 1)
            #expect(try c.result().sendings == 1)
        }
    }

    @Test func `a message without an identifier gets one`() async throws {
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            let id = try peer.expectPublish(on: 2).header.properties.messageID
            #expect(id?.count == 36)
            try peer.confirm(1)
            try peer.passToEnd()
        } client: { publisher in
            let call = StartedTask { try await publisher.publish(OutgoingMessage([1], routingKey: "q")) }
            let receipt = try call.result()
            #expect(receipt.messageID.count == 36)
        }
    }

    @Test func `what comes back, and what is refused, is an error of its own call`() async throws {
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            for _ in 1...3 {
                let publish = try peer.expectPublish(on: 2)
                let tag = UInt64(String(decoding: publish.body, as: UTF8.self)) ?? 0
                if tag == 2 {
                    let back = BasicReturn(
                        replyCode: .noRoute,
                        replyText: "NO_ROUTE",
                        exchange: "",
                        routingKey: publish.method.routingKey
                    )
                    try peer.sendContent(back, publish.body, on: 2, properties: publish.header.properties)
                }
                // In the order of the calls, which wait for each other.
                if tag == 3 {
                    try peer.send(BasicNack(deliveryTag: 3), on: 2)
                } else {
                    try peer.confirm(tag)
                }
            }
            try peer.passToEnd()
        } client: { publisher in
            #expect(try publisher.start("1").result().messageID == "id-1")
            let back = try publisher.start("2", to: "nowhere").failure() as? PublishFailure
            #expect(back == PublishFailure(.unroutable, messageID: "id-2", sendings: 1))
            let refused = try publisher.start("3").failure() as? PublishFailure
            #expect(refused == PublishFailure(.refused, messageID: "id-3", sendings: 1))
        }
    }

    @Test func `no more are on their way than may be: the others are sent when there is room`() async throws {
        let options = PublisherOptions(maxInFlight: 2, timeout: Patience.long)
        try await PublisherRig.run(options) { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            for tag in 1...5 as ClosedRange<UInt64> {
                try peer.expectPublish(on: 2)
                // The next one but one comes only after this.
                if tag >= 2 {
                    #expect(try !peer.comesSomething(within: .zero), "more than two")
                    try peer.confirm(tag - 1)
                }
            }
            try peer.confirm(5)
            try peer.passToEnd()
        } client: { publisher in
            let calls = (1...5).map { publisher.start("\($0)") }
            let receipts = try calls.map { try $0.result() }
            #expect(receipts.allSatisfy { $0.sendings == 1 })
        }
    }

    @Test func `what was on its way when the connection ended goes again, and says so`() async throws {
        let seen = Monitor<[String]>([])
        try await PublisherRig.run { number, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            if number == 1 {
                for _ in 1...3 {
                    let properties = try peer.expectPublish(on: 2).header.properties
                    #expect(properties.headers?[AsyncPublisher.republishedHeader] == nil)
                    seen.withLock { $0.append(properties.messageID ?? "") }
                }
                return try peer.confirm(1)  // and the socket is closed
            }
            let before = seen.withLock { $0 }
            for tag in 1...2 as ClosedRange<UInt64> {
                let properties = try peer.expectPublish(on: 2).header.properties
                #expect(properties.messageID == before[Int(tag)])
                #expect(properties.headers?[AsyncPublisher.republishedHeader] == .int64(1))
                try peer.confirm(tag)
            }
            try peer.passToEnd()
        } client: { publisher in
            let calls = ["a", "b", "c"].map { publisher.start($0) }
            let receipts = try calls.map { try $0.result() }
            let sendings = Dictionary(uniqueKeysWithValues: receipts.map { ($0.messageID, $0.sendings) })
            let order = seen.withLock { $0 }
            #expect(order.map { sendings[$0] } == [1, 2, 2])
        }
    }

    @Test func `a message that ends the channel fails alone; its neighbours go on`() async throws {
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            for _ in 1...2 { try peer.expectPublish(on: 2) }
            let text = "NOT_FOUND - no exchange 'nowhere' in vhost '/'"
            for channel in 2...3 as ClosedRange<UInt16> {
                let close = ChannelClose(
                    replyCode: .notFound,
                    replyText: text,
                    classID: BasicPublish.id.classID,
                    methodID: BasicPublish.id.methodID
                )
                try peer.send(close, on: channel)
                try peer.expect(ChannelCloseOk.self, on: channel)
                try peer.openConfirms(on: channel + 1)
                let body = try peer.expectPublish(on: channel + 1).body
                #expect(String(decoding: body, as: UTF8.self) == (channel == 2 ? "bad" : "good"))
            }
            try peer.confirm(1, on: 4)
            try peer.passToEnd()
        } client: { publisher in
            let (good, bad) = (publisher.start("good"), publisher.start("bad", exchange: "nowhere"))
            let failure = try #require(try bad.failure() as? PublishFailure)
            guard case .rejected(let error) = failure.reason else { throw failure }
            #expect(error.code == AMQPError.Code(.notFound))
            #expect(try good.result().sendings == 2)
        }
    }

    @Test func `what can not be written fails alone, with nothing sent`() async throws {
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            #expect(try peer.expectPublish(on: 2).body == Array("good".utf8))
            try peer.confirm(1)
            try peer.passToEnd()
        } client: { publisher in
            let long = String(repeating: "x", count: 300)
            let failure = try #require(try publisher.start("bad", to: long).failure() as? PublishFailure)
            #expect(failure.fate == .notPublished)
            guard case .rejected(let error) = failure.reason else { throw failure }
            #expect(error.code == .refusedLocally)
            #expect(try publisher.start("good").result().sendings == 1)
        }
    }
}
