import AMQPCore
import Testing

/// Whether a thread looks for a moment before it sleeps: as often as that has been worth it.
@Suite struct AdaptiveSpinTests {
    private var spin = AdaptiveSpin()

    /// Waits without a look until the next one, which is begun; at most so many.
    private mutating func sleeps(atMost limit: Int = 2000) -> Int {
        var count = 0
        while count < limit, !self.spin.isDue() { count += 1 }
        return count
    }

    @Test mutating func `where it pays, every wait begins with a look`() {
        for _ in 0..<100 {
            #expect(self.sleeps() == 0)
            self.spin.ended(inTime: true)
        }
    }

    @Test mutating func `each look in vain makes it rarer, down to one wait in 1,024`() {
        let counts = (0..<7).map { _ in
            let count = self.sleeps()
            self.spin.ended(inTime: false)
            return count
        }
        #expect(counts == [0, 3, 15, 63, 255, 1023, 1023])
    }

    @Test mutating func `where it comes to pay again, it becomes as frequent as before`() {
        for _ in 0..<10 { self.spin.ended(inTime: false) }
        let counts = (0..<12).map { _ in
            let count = self.sleeps()
            self.spin.ended(inTime: true)
            return count
        }
        #expect(counts == [1023, 511, 255, 127, 63, 31, 15, 7, 3, 1, 0, 0])
    }

    @Test(arguments: [(pattern: [true, false], isRare: true), (pattern: [true, true, true, false], isRare: false)])
    mutating func `it has to pay two times in three`(pattern: [Bool], isRare: Bool) {
        for _ in 0..<10 { self.spin.ended(inTime: !isRare) }
        for _ in 0..<10 { for inTime in pattern { self.spin.ended(inTime: inTime) } }
        #expect((self.sleeps() > 100) == isRare)
    }

    @Test func `it looks once at least, and takes the first that it finds`() {
        var looks = 0
        let found: Int? = AdaptiveSpin.spin(until: 0) {
            looks += 1
            return nil
        }
        #expect(found == nil)
        #expect(looks == 1)
        // On a busy machine its time may be up before the third look.
        var third: Int?
        for _ in 0..<1000 where third == nil {
            looks = 0
            third = AdaptiveSpin.spin(until: .max) {
                looks += 1
                return looks < 3 ? nil : looks
            }
        }
        #expect(third == 3)
    }
}
