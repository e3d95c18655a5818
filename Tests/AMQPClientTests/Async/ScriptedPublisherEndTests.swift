import AMQPClient
import AMQPWire
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// How calls of a publisher end that no answer ends.
@Suite struct ScriptedPublisherEndTests {
    @Test func `a deadline ends a call while the broker says nothing, also about the channel`() async throws {
        let isOver = Latch()
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.expect(ChannelOpen.self, on: 2)
            #expect(isOver.wait())
            try peer.send(ChannelOpenOk(), on: 2)
            try peer.expect(ConfirmSelect.self, on: 2)
            try peer.send(ConfirmSelectOk(), on: 2)
            #expect(try peer.expectPublish(on: 2).body == Array("late".utf8))
            try peer.confirm(1)
            try peer.passToEnd()
        } client: { publisher in
            let early = try publisher.start("early", timeout: .milliseconds(10)).failure() as? PublishFailure
            #expect(early == PublishFailure(.timeout, messageID: "id-early"))
            isOver.open()
            #expect(try publisher.start("late").result().sendings == 1)
        }
    }

    @Test func `a cancelled call ends at once, and says whether the message was sent`() async throws {
        let isSent = Latch()
        let options = PublisherOptions(maxInFlight: 1, timeout: Patience.long)
        try await PublisherRig.run(options) { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            try peer.expectPublish(on: 2)
            isSent.open()
            try peer.passToEnd()
        } client: { publisher in
            let sent = publisher.start("sent")
            #expect(isSent.wait())
            let waiting = publisher.start("waiting")
            sent.cancel()
            let failure = try sent.failure() as? PublishFailure
            #expect(failure == PublishFailure(.cancelled, fate: .unknown, messageID: "id-sent", sendings: 1))
            waiting.cancel()
            // It may have been sent meanwhile: the other one has left.
            #expect(try (waiting.failure() as? PublishFailure)?.reason == .cancelled)
            let already = StartedTask {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await publisher.publish(OutgoingMessage([], routingKey: "q"))
            }
            #expect(try (already.failure() as? PublishFailure)?.fate == .notPublished)
        }
    }

    @Test func `a stop waits for the answers to what was given before, and takes nothing more`() async throws {
        let isStopping = Latch()
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            try peer.expectPublish(on: 2)
            #expect(isStopping.wait())
            try peer.confirm(1)
            try peer.passToEnd()
        } client: { publisher in
            let last = publisher.start("last")
            #expect(Patience.sees { publisher.waitingCount == 1 })
            let stop = StartedTask { await publisher.stop(within: Patience.long) }
            var refused: PublishFailure?
            while refused == nil {
                let probe = try publisher.start("probe", timeout: .zero).failure() as? PublishFailure
                if case .ended? = probe?.reason { refused = probe }
            }
            #expect(refused?.fate == .notPublished)
            isStopping.open()
            #expect(try last.result().sendings == 1)
            try stop.result()
        }
    }

    @Test func `a stop that waits no longer, and a connection that gives up, end every call`() async throws {
        let isSent = Latch()
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            try peer.expectPublish(on: 2)
            isSent.open()
            try peer.passToEnd()
        } client: { publisher in
            let call = publisher.start("a")
            #expect(isSent.wait())
            try StartedTask { await publisher.stop(within: .zero) }.result()
            let failure = try #require(try call.failure() as? PublishFailure)
            guard case .ended = failure.reason else { throw failure }
            #expect(failure.fate == .unknown)
        }
        try await PublisherRig.run { _, peer in
            try peer.refuseOpen(.notAllowed, "no such virtual host")
        } client: { publisher in
            let failure = try #require(try publisher.start("b").failure() as? PublishFailure)
            guard case .ended(let reason) = failure.reason else { throw failure }
            #expect(reason.code == AMQPError.Code(.notAllowed))
            #expect(failure.fate == .notPublished)
        }
    }

    @Test func `a thousand calls of a frozen broker hold up no thread of Swift's pool and no event loop`() async throws
    {
        let isFrozen = Latch()
        try await PublisherRig.run { _, peer in
            try peer.handshakeOfRecovering()
            try peer.openConfirms(on: 2)
            try peer.expectPublish(on: 2)
            isFrozen.open()
            try peer.passToEnd()
        } client: { publisher in
            // Many more than the pool has threads.
            let calls = (0..<1000).map { number in
                StartedTask(inPool: true) {
                    try await publisher.publish(OutgoingMessage([], routingKey: "\(number)"))
                }
            }
            #expect(isFrozen.wait())
            #expect(Patience.sees { publisher.waitingCount == 1000 })
            let other = StartedTask(inPool: true) {
                var steps = 0
                for _ in 0..<1000 {
                    await Task.yield()
                    steps += 1
                }
                return steps
            }
            #expect(try other.result() == 1000)
            for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() {
                #expect(try loop.submit { true }.wait())
            }
            #expect(publisher.waitingCount == 1000)
            try StartedTask { await publisher.stop(within: .zero) }.result()
            for call in calls { #expect(try call.failure() is PublishFailure) }
        }
    }
}
