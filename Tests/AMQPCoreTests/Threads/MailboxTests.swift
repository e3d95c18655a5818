import AMQPCore
import TestSupport
import Testing

/// The one place where a worker waits.
@Suite struct MailboxTests {
    @Test func `it is idle only while its owner sleeps with nothing to take`() throws {
        let mailbox = Mailbox()
        #expect(!mailbox.isIdle)  // nobody waits
        var inbox = Inbox()
        #expect(!mailbox.take(into: &inbox, until: 0))
        #expect(!mailbox.isIdle)  // a look is no sleep

        let isAwake = Monitor(false)
        let mayEnd = Monitor(false)
        let owner = try WorkerThread.start(name: "owner") {
            var inbox = Inbox()
            while inbox.signals == 0 { _ = mailbox.take(into: &inbox, until: nil) }
            isAwake.withLock { $0 = true }
            isAwake.signal()
            _ = mayEnd.wait(until: MonotonicClock.deadline(in: .seconds(60))) { $0 ? true : nil }
        }
        while !mailbox.isIdle {}
        mailbox.signal(1)
        #expect(!mailbox.isIdle)
        _ = isAwake.wait(until: MonotonicClock.deadline(in: .seconds(60))) { $0 ? true : nil }
        #expect(!mailbox.isIdle)  // taken out, and not dealt with
        mayEnd.withLock { $0 = true }
        mayEnd.signal()
        owner.join()
    }

    @Test func `a wait that ends by its deadline is no sleep any more`() {
        let mailbox = Mailbox()
        var inbox = Inbox()
        #expect(!mailbox.take(into: &inbox, until: MonotonicClock.deadline(in: .milliseconds(1))))
        #expect(!mailbox.isIdle)
    }
}
