import Millrace
import Testing

@testable import MillraceCLI

/// The screen of `top --fleet` as a value: no terminal, no broker.
@Suite struct FleetScreenTests {
    private static let small = TopScreen.Size(columns: 80, rows: 24)

    private func answer(_ pid: Int, build: String = "1.0", isReady: Bool = true, jobs: Int = 1) -> FleetAnswer {
        FleetAnswer(
            id: "\(pid)",
            host: "h\u{1B}[2J",
            processID: pid,
            node: "b:5672",
            build: build,
            file: "jobs.yaml",
            digest: "aaaaaaaa11111111",
            started: 9_940,
            isReady: isReady,
            isDraining: false,
            jobs: (0..<jobs).map { number in
                FleetAnswer.Job(
                    name: "job\(number)",
                    queue: "q\(number)",
                    state: "running",
                    threads: 4,
                    consuming: 4,
                    inHand: 1,
                    perSecond: 2
                )
            }
        )
    }

    private func screen(_ answers: [FleetAnswer], expected: Int? = nil) -> FleetScreen {
        var screen = FleetScreen(fleet: "shop")
        screen.show(FleetView("shop", answers, expected: expected), now: 10_000)
        return screen
    }

    private func text(_ screen: FleetScreen, _ size: TopScreen.Size = small) -> [String] {
        screen.lines(size).map(\.text)
    }

    @Test func `supervisors, and jobs over all of them, on a screen of 80 by 24`() {
        let lines = self.text(self.screen([self.answer(1), self.answer(2)]))
        #expect(lines.count == 24 && lines.allSatisfy { $0.count <= 80 })
        #expect(lines[0] == "millrace top --fleet  shop  2 supervisors")
        #expect(lines[1] == "all well")
        #expect(lines[3].hasPrefix("supervisor") && lines[5].contains("/1 ") && lines[5].contains(" 1m "), "\(lines)")
        #expect(lines[8].hasPrefix("job") && lines[10].hasPrefix("job0") && lines[10].contains("8/8"), "\(lines)")
        #expect(lines[23] == "j k scroll  q end")
        #expect(!lines.joined().contains("\u{1B}"), "nothing that a supervisor says moves the cursor")
    }

    @Test func `the second line is the worst that is to be said, and all of it stands below`() {
        #expect(self.text(FleetScreen(fleet: "shop"))[1] == "asking")
        let one = self.screen([self.answer(1)], expected: 3)
        #expect(self.text(one)[1] == "1 supervisor of 3 answered")
        #expect(one.lines(Self.small)[1].style == .alarm)
        let two = self.screen([self.answer(1), self.answer(2, build: "0.9")], expected: 3)
        let lines = self.text(two)
        #expect(lines[1] == "2 supervisors of 3 answered (and 1 more)")
        #expect(lines.contains { $0.hasPrefix("the build differs: ") })
        var gone = one
        gone.fail("no connection\u{1B}[2J")
        #expect(self.text(gone)[1].hasPrefix("no connection") && !self.text(gone)[1].contains("\u{1B}"))
        #expect(self.text(gone)[3].hasPrefix("supervisor"), "what was known stays")
        #expect(self.text(self.screen([]))[1] == "no supervisor of fleet 'shop' answers")
    }

    @Test func `keys scroll as far as there is something, and end it`() {
        var screen = self.screen([self.answer(1, jobs: 30)])
        let size = Self.small
        // 3 of supervisors, 1 between, 32 of jobs; 19 fit.
        #expect(self.text(screen)[22] == "lines 1 to 19 of 36")
        for _ in 0..<100 { _ = screen.take(.character("j"), size) }
        #expect(self.text(screen)[22] == "lines 18 to 36 of 36")
        #expect(self.text(screen)[21].hasPrefix("job9"), "sorted by name")
        _ = screen.take(.up, size)
        #expect(self.text(screen)[22] == "lines 17 to 35 of 36")
        _ = screen.take(.down, size)
        // The fleet became smaller: the last lines are shown, and one key goes up one line.
        screen.show(FleetView("shop", [self.answer(1, jobs: 20)]), now: 10_001)
        #expect(self.text(screen)[22] == "lines 8 to 26 of 26")
        _ = screen.take(.character("k"), size)
        #expect(self.text(screen)[22] == "lines 7 to 25 of 26")
        for _ in 0..<100 { _ = screen.take(.character("k"), size) }
        #expect(self.text(screen)[22] == "lines 1 to 19 of 26")
        for key in [TopKey.enter, .escape, .character("D")] { #expect(screen.take(key, size) == false) }
        #expect(screen.take(.character("q"), size) == true)
    }

    @Test func `a small terminal gets what fits, and a printer all of it`() {
        let screen = self.screen([self.answer(1, jobs: 30)])
        for rows in 0...8 {
            let size = TopScreen.Size(columns: 20, rows: rows)
            let lines = self.text(screen, size)
            #expect(lines.count == max(rows, 1))
            #expect(lines.allSatisfy { $0.count <= 20 })
            var scrolled = screen
            _ = scrolled.take(.down, size)
        }
        #expect(screen.wholeLines(columns: 80).count == 3 + 36)
    }
}
