import AMQPCore
import Testing

/// Whether the connection's thread has to wait for the socket while nobody sits in the seat.
@Suite struct SeatWatchTests {
    private var watch = SeatWatch()
    private var now: UInt64 = 1_000_000_000

    /// The seat is left, and taken again after so many nanoseconds: whether the thread has to learn that it looks now.
    private mutating func vacancy(of time: UInt64) -> Bool {
        self.watch.left(now: self.now)
        self.now += time
        return self.watch.taken(now: self.now)
    }

    private mutating func trust() {
        _ = self.watch.taken(now: self.now)
        for _ in 0..<SeatWatch.trustAfter { _ = self.vacancy(of: SeatWatch.shortVacancy) }
        #expect(self.watch.nextLook != nil)
    }

    private mutating func sitDown() -> Bool { self.watch.taken(now: self.now) }

    private mutating func look(after time: UInt64) {
        self.now += time
        self.watch.look(now: self.now)
    }

    @Test mutating func `a connection begins with nobody in the seat, and the thread waits`() {
        #expect(self.watch.isOn)
        let isTold = self.sitDown()
        #expect(!isTold)
        #expect(!self.watch.isOn)
    }

    @Test mutating func `until 100 vacancies in a row have been short, the thread is told of each`() {
        _ = self.watch.taken(now: self.now)
        for count in 1...SeatWatch.trustAfter {
            self.watch.left(now: self.now)
            #expect(self.watch.isOn)
            self.now += SeatWatch.shortVacancy
            let isTold = self.sitDown()
            #expect(isTold == (count == SeatWatch.trustAfter))
            #expect(!self.watch.isOn)
        }
        #expect(self.watch.nextLook == self.now + SeatWatch.lookInterval)
        // From here on it is told of none, and once is enough to have it look.
        self.watch.left(now: self.now)
        #expect(!self.watch.isOn)
        let isToldAgain = self.sitDown()
        #expect(!isToldAgain)
    }

    @Test(arguments: [false, true]) mutating func `a long one begins the count anew`(isTrusted: Bool) {
        if isTrusted { self.trust() }
        let told =
            [self.vacancy(of: SeatWatch.shortVacancy + 1)] + (0..<SeatWatch.trustAfter).map { _ in self.vacancy(of: 0) }
        #expect(told.firstIndex(of: true) == SeatWatch.trustAfter)
    }

    @Test mutating func `where the thread looks and finds a long vacancy, it waits for octets itself`() {
        self.trust()
        self.now += SeatWatch.lookInterval - SeatWatch.shortVacancy
        self.watch.left(now: self.now - 1)
        self.look(after: SeatWatch.shortVacancy)
        #expect(self.watch.isOn)
        #expect(self.watch.nextLook == nil)
    }

    @Test mutating func `it does not look before its time`() {
        self.trust()
        self.watch.left(now: self.now)
        self.look(after: SeatWatch.lookInterval - 1)
        #expect(!self.watch.isOn)
        self.look(after: 1)
        #expect(self.watch.isOn)
    }

    @Test mutating func `as long as the seat is in use it goes on looking, and no longer`() {
        self.trust()
        for _ in 0..<3 {
            self.look(after: SeatWatch.lookInterval)
            #expect(self.watch.nextLook == self.now + SeatWatch.lookInterval)
            _ = self.vacancy(of: 0)
        }
        self.look(after: SeatWatch.lookInterval)
        self.look(after: SeatWatch.lookInterval)  // nobody got up since the last look
        #expect(self.watch.nextLook == nil)
        #expect(!self.watch.isOn)  // somebody sits there
        self.watch.left(now: self.now)
        #expect(self.watch.isOn)
    }
}
