import Millrace
import Testing

@Suite struct AttendanceTests {
    @Test func `every delay queue of every job gets a consumer, in order`() {
        var attendance = Attendance(homes: 2, stages: 2)
        var places: [Returns.Place] = []
        while places.count < 10, let place = attendance.next(now: 0) {
            attendance.attended(place, by: "tag-\(places.count)")
            places.append(place)
        }
        #expect(places == [(0, 0), (0, 1), (1, 0), (1, 1)].map { Returns.Place(home: $0, stage: $1) })
        #expect(attendance.count == 4)
        #expect(attendance.wake == nil)
        #expect(attendance.place(of: "tag-2") == Returns.Place(home: 1, stage: 0))
        #expect(attendance.place(of: "tag-9") == nil)
    }

    @Test func `one that can not be had waits longer and longer, and holds up no other`() {
        var attendance = Attendance(homes: 1, stages: 2)
        let bad = Returns.Place(home: 0, stage: 0)
        var now: UInt64 = 0
        #expect(attendance.next(now: now) == bad)
        #expect(attendance.failed(bad, now: now) == true, "the first time is worth a line")
        #expect(attendance.next(now: now) == Returns.Place(home: 0, stage: 1))
        attendance.attended(Returns.Place(home: 0, stage: 1), by: "good")
        #expect(!attendance.hasNext(now: now))
        var waits: [UInt64] = []
        for _ in 0..<8 {
            guard let wake = attendance.wake else { return #expect(Bool(false), "it is never tried again") }
            waits.append((wake - now) / 1_000_000)
            now = wake
            #expect(attendance.next(now: now) == bad)
            #expect(attendance.failed(bad, now: now) == false)
        }
        #expect(waits == [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
        attendance.attended(bad, by: "well")
        #expect(attendance.ended("well") == bad)
        #expect(attendance.failed(bad, now: now) == true, "it was well in between")
    }

    @Test func `the end of the connection is no news of a queue, which keeps its pause, and its line for later`() {
        var attendance = Attendance(homes: 1, stages: 1)
        let place = Returns.Place(home: 0, stage: 0)
        #expect(attendance.next(now: 0) == place)
        #expect(attendance.failed(place, now: 0, isSaidElsewhere: true) == false)
        #expect(attendance.wake == 500_000_000)
        #expect(attendance.next(now: 500_000_000) == place)
        #expect(attendance.failed(place, now: 500_000_000) == true)
        #expect(attendance.next(now: 5_000_000_000) == place)
        #expect(attendance.failed(place, now: 5_000_000_000) == false)
    }

    @Test func `a consumer that ends is started again, and with the channel all are`() {
        var attendance = Attendance(homes: 1, stages: 3)
        for stage in 0..<3 { attendance.attended(Returns.Place(home: 0, stage: stage), by: "\(stage)") }
        #expect(attendance.ended("1") == Returns.Place(home: 0, stage: 1))
        #expect(attendance.ended("1") == nil)
        #expect(attendance.next(now: 0) == Returns.Place(home: 0, stage: 1))
        attendance.endedAll()
        #expect(attendance.count == 0)
        #expect(attendance.next(now: 0) == Returns.Place(home: 0, stage: 0))
    }

    @Test func `one without an answer is asked for once, and comes last on another channel`() {
        var attendance = Attendance(homes: 1, stages: 3)
        let silent = Returns.Place(home: 0, stage: 0)
        #expect(attendance.next(now: 0) == silent)
        for stage in 1..<3 {
            #expect(attendance.next(now: 0) == Returns.Place(home: 0, stage: stage))
            attendance.attended(Returns.Place(home: 0, stage: stage), by: "\(stage)")
        }
        #expect(!attendance.hasNext(now: .max))
        #expect(attendance.wake == nil)
        attendance.endedAll()
        let order = (0..<3).compactMap { _ in attendance.next(now: 0)?.stage }
        #expect(order == [1, 2, 0])
    }

    @Test func `one that failed comes behind the others, also when its pause is over`() {
        var attendance = Attendance(homes: 1, stages: 3)
        let bad = Returns.Place(home: 0, stage: 0)
        #expect(attendance.next(now: 0) == bad)
        #expect(attendance.failed(bad, now: 0) == true)
        let order = (0..<3).compactMap { _ in attendance.next(now: 1_000_000_000)?.stage }
        #expect(order == [1, 2, 0])
    }
}
