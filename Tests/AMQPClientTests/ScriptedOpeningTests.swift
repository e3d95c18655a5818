import AMQPClient
import AMQPWire
import TestSupport
import Testing

/// While a channel opens its owner waits in its own mailbox, where more comes in than the answer.
@Suite struct ScriptedOpeningTests {
    enum Ending: CaseIterable { case endOfFile, interrupt }

    private static let restart: UInt32 = 8
    private static let other: UInt32 = 2

    @Test(arguments: Ending.allCases)
    func `C31 C41: what an opening channel took in beside its answer is still there when the opening fails`(
        _ ending: Ending
    ) throws {
        let mailbox = Mailbox()
        try Scripted.run { connection in
            let error = Scripted.error { () throws(AMQPError) in
                _ = try connection.openChannel(mailbox: mailbox, interrupts: Self.restart)
            }
            #expect(error?.code == (ending == .endOfFile ? .connectionLost : .timeout))
            var inbox = Inbox()
            #expect(mailbox.take(into: &inbox, until: 0))
            #expect(inbox.calls.map { $0.argument } == [1, 2].map { UnsafeMutableRawPointer(bitPattern: $0) })
            #expect(inbox.signals & Self.other != 0)
        } peer: { peer in
            try peer.handshake()
            try peer.expect(ChannelOpen.self, on: 1)
            for number in 1...2 {
                mailbox.schedule(ScheduledCall({ _ in }, UnsafeMutableRawPointer(bitPattern: number)))
                mailbox.signal(Self.other)
                try Self.awaitIdle(mailbox)  // the channel has taken them out
            }
            guard ending == .interrupt else { return }
            mailbox.signal(Self.restart)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.send(ChannelOpenOk(), on: 1)
            try peer.send(ChannelCloseOk(), on: 1)
            try peer.finish()
        }
    }

    @Test(arguments: [false, true])
    func `C51 C63: the wait for open-ok ends when its owner is called, also while the broker blocks`(
        _ isBlocked: Bool
    ) throws {
        let mailbox = Mailbox()
        try Scripted.run { connection in
            let error = Scripted.error { () throws(AMQPError) in
                _ = try connection.openChannel(mailbox: mailbox, interrupts: Self.restart)
            }
            #expect(error?.code == .timeout)
            #expect(error?.scope == .channel(1))
            // What is left of the call is not for the next channel.
            mailbox.signal(Self.restart)
            mailbox.clear(Self.restart)
            let next = try connection.openChannel(mailbox: mailbox, interrupts: Self.restart)
            try next.prefetch(1)
            #expect(next.isOpen)
        } peer: { peer in
            try peer.handshake()
            try peer.expect(ChannelOpen.self, on: 1)
            if isBlocked { try peer.send(ConnectionBlocked(reason: "low on memory"), on: 0) }
            mailbox.signal(Self.restart)
            try peer.expect(ChannelClose.self, on: 1)
            try peer.openChannels(2)
            try peer.expectPrefetch(on: 2)
            try peer.finish()
        }
    }

    private static func awaitIdle(_ mailbox: Mailbox) throws {
        let deadline = MonotonicClock.now() + 5_000_000_000
        while !mailbox.isIdle {
            guard MonotonicClock.now() < deadline else { throw PeerFailure("the mailbox's owner does not wait") }
        }
    }
}
