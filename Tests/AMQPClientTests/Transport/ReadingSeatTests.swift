import AMQPClient
import TestSupport
import Testing

/// Notes what is done with it, and waits for rings alone unless it is told otherwise.
///
/// Something is there to read once a wait has said so, or from the beginning; a look that finds nothing is not noted.
private final class ScriptedSeat: ReadingSeat {
    private struct State {
        var log: [String] = []
        var isFree: Bool
        var waits: [SeatWait]
        var isReadable: Bool
        var rings = 0
        var looks = 0
    }
    private let state: Monitor<State>
    private let onRead: @Sendable () -> SeatRead

    init(
        isFree: Bool = true,
        waits: [SeatWait] = [],
        isReadable: Bool = false,
        onRead: @escaping @Sendable () -> SeatRead = { .something }
    ) {
        self.state = Monitor(State(isFree: isFree, waits: waits, isReadable: isReadable))
        self.onRead = onRead
    }

    var log: [String] { self.state.withLock { $0.log } }
    var looks: Int { self.state.withLock { $0.looks } }

    func note(_ what: String) {
        self.state.withLock { $0.log.append(what) }
        self.state.broadcast()
    }

    func awaitLog(_ log: [String]) -> Bool {
        self.state.wait(until: MonotonicClock.deadline(in: .seconds(60))) { $0.log == log ? true : nil } ?? false
    }

    func take() -> Bool {
        let isOurs = self.state.withLock { state in
            defer { state.isFree = false }
            return state.isFree
        }
        self.note(isOurs ? "take" : "taken")
        return isOurs
    }

    func leave() { self.note("leave") }

    func wait(until deadline: UInt64?) -> SeatWait {
        self.note("wait")
        let scripted: SeatWait? = self.state.withLock { state in
            guard !state.waits.isEmpty else { return nil }
            let wait = state.waits.removeFirst()
            state.isReadable = wait == .readable
            return wait
        }
        if let scripted { return scripted }
        let rung: Bool? = self.state.wait(until: deadline) { state in
            guard state.rings > 0 else { return nil }
            state.rings = 0
            return true
        }
        return rung == true ? .rung : .deadline
    }

    func read() -> SeatRead {
        let isReadable = self.state.withLock { state in
            state.looks += 1
            defer { state.isReadable = false }
            return state.isReadable
        }
        guard isReadable else { return .nothing }
        self.note("read")
        return self.onRead()
    }

    func ring() {
        self.state.withLock { $0.rings += 1 }
        self.note("ring")
    }
}

/// Where a mailbox's owner waits, if it can: in the seat, where it reads the socket itself.
@Suite struct ReadingSeatTests {
    private let mailbox = Mailbox()

    private func take(_ seat: ScriptedSeat, until deadline: UInt64? = MonotonicClock.deadline(in: .seconds(60))) -> Bool
    {
        var inbox = Inbox()
        return self.mailbox.take(into: &inbox, until: deadline, from: seat) { seat.note("send") }
    }

    @Test
    func `it sits down before it sends, so that no other thread waits for the answer, and gets up with something`() {
        let mailbox = self.mailbox
        let seat = ScriptedSeat(waits: [.readable, .readable]) {
            mailbox.signal(1)
            return .something
        }
        #expect(self.take(seat))
        // What it has read for itself rings nobody.
        #expect(seat.log == ["take", "send", "wait", "read", "leave"])
    }

    @Test func `what it reads for others does not make it get up`() {
        let mailbox = self.mailbox
        let reads = Monitor(0)
        let seat = ScriptedSeat(waits: [.readable, .readable]) {
            let count = reads.withLock { reads in
                reads += 1
                return reads
            }
            if count == 2 { mailbox.signal(1) }
            return .something
        }
        #expect(self.take(seat))
        #expect(seat.log == ["take", "send", "wait", "read", "wait", "read", "leave"])
    }

    @Test func `what comes while it looks makes it neither sleep nor ring`() {
        let mailbox = self.mailbox
        let seat = ScriptedSeat(isReadable: true) {
            mailbox.signal(1)
            return .something
        }
        #expect(self.take(seat))
        #expect(seat.log == ["take", "send", "read", "leave"])
    }

    @Test func `what others bring while it looks ends the look, and makes it neither sleep nor ring`() {
        let mailbox = self.mailbox
        let seat = ScriptedSeat(isReadable: true) {
            mailbox.signal(1)  // as others would: the read itself has found nothing
            return .nothing
        }
        #expect(self.take(seat))
        #expect(seat.log == ["take", "send", "read", "leave"])
        #expect(seat.looks == 1)
    }

    @Test func `a look that finds that reading has to stop makes it get up`() throws {
        let (mailbox, seat) = (self.mailbox, ScriptedSeat(isReadable: true) { .mustLeave })
        let owner = try WorkerThread.start(name: "owner") {
            var inbox = Inbox()
            while inbox.signals == 0 { _ = mailbox.take(into: &inbox, until: nil, from: seat) }
        }
        #expect(seat.awaitLog(["take", "read", "leave"]))
        while !mailbox.isIdle {}
        mailbox.signal(1)
        owner.join()
        #expect(seat.log == ["take", "read", "leave"])
    }

    @Test func `what others bring rings where it sits`() throws {
        let (mailbox, seat) = (self.mailbox, ScriptedSeat())
        let owner = try WorkerThread.start(name: "owner") {
            var inbox = Inbox()
            while inbox.signals == 0 { _ = mailbox.take(into: &inbox, until: nil, from: seat) }
        }
        #expect(seat.awaitLog(["take", "wait"]))
        #expect(mailbox.isIdle)
        mailbox.signal(1)
        owner.join()
        #expect(seat.log == ["take", "wait", "ring", "leave"])
        #expect(!mailbox.isIdle)
    }

    @Test func `with something to take it does not sit down`() {
        let seat = ScriptedSeat()
        self.mailbox.signal(1)
        #expect(self.take(seat))
        #expect(seat.log == ["send"])
    }

    @Test func `a look is no wait`() {
        let seat = ScriptedSeat()
        #expect(!self.take(seat, until: 0))
        #expect(seat.log == ["send"])
    }

    @Test func `where somebody sits it sleeps in the mailbox`() throws {
        let (mailbox, seat) = (self.mailbox, ScriptedSeat(isFree: false))
        let owner = try WorkerThread.start(name: "owner") {
            var inbox = Inbox()
            while inbox.signals == 0 { _ = mailbox.take(into: &inbox, until: nil, from: seat) }
        }
        while !mailbox.isIdle {}
        mailbox.signal(1)
        owner.join()
        #expect(seat.log == ["taken"])
    }

    @Test func `when reading has to stop it sleeps in the mailbox`() throws {
        let (mailbox, seat) = (self.mailbox, ScriptedSeat(waits: [.readable]) { .mustLeave })
        let owner = try WorkerThread.start(name: "owner") {
            var inbox = Inbox()
            while inbox.signals == 0 { _ = mailbox.take(into: &inbox, until: nil, from: seat) }
        }
        #expect(seat.awaitLog(["take", "wait", "read", "leave"]))
        while !mailbox.isIdle {}
        mailbox.signal(1)
        owner.join()
        #expect(seat.log == ["take", "wait", "read", "leave"])
    }

    @Test func `it gets up at its deadline`() {
        let seat = ScriptedSeat()
        #expect(!self.take(seat, until: MonotonicClock.deadline(in: .milliseconds(1))))
        #expect(seat.log == ["take", "send", "wait", "leave"])
        #expect(!self.mailbox.isIdle)
    }
}
