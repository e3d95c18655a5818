import AMQPClient
import TestSupport
import Testing

@testable import Millrace

/// The life of a thread that does one thing for a whole supervisor.
@Suite(.timeLimit(.minutes(10)))
struct SideThreadTests {
    private static let end: UInt32 = 1

    private func sleep(_ thread: SideThread, _ mailbox: Mailbox) {
        var inbox = Inbox()
        while !thread.mustEnd {
            _ = mailbox.take(into: &inbox, until: nil)
            inbox.signals = 0
        }
    }

    @Test func `it begins once, wakes up when it is to end, and tells that it has ended`() throws {
        let mailbox = Mailbox()
        let thread = SideThread("tests", waking: mailbox, with: Self.end)
        let (begun, ended) = (Monitor(0), Monitor(false))
        #expect(thread.isDone, "nobody waits for what has not begun")
        for _ in 0..<3 {
            try thread.start(ended: { ended.withLock { $0 = true } }) {
                begun.withLock { $0 += 1 }
                self.sleep(thread, mailbox)
            }
        }
        #expect(thread.isStarted && !thread.isDone)
        thread.end()
        #expect(Patience.sees { ended.withLock { $0 } })
        #expect(thread.isDone)
        #expect(begun.withLock { $0 } == 1)
        thread.letGo()
        #expect(thread.isDone && !thread.isStarted)
    }

    @Test func `one that was told to end does not begin any more`() throws {
        let thread = SideThread("tests", waking: Mailbox(), with: Self.end)
        thread.end()
        try thread.start { Issue.record("it has begun") }
        #expect(thread.isDone && !thread.isStarted)
    }

    @Test func `one that does not end is let go`() throws {
        let mailbox = Mailbox()
        let thread = SideThread("tests", waking: mailbox, with: Self.end)
        try thread.start { self.sleep(thread, mailbox) }
        thread.letGo()
        #expect(thread.isDone, "nobody waits for it any more")
        thread.end()
    }
}
