import Millrace
import Testing

/// How many dead letters are asked for at once.
@Suite struct LookWindowTests {
    @Test func `few at first, then more, and never more than are wanted or a thousand`() {
        var window = LookWindow()
        #expect(window.size(wanted: 5000) == 10)
        window.saw(bytes: 1)
        #expect(window.size(wanted: 5000) == 10)
        for _ in 0..<10 { window.saw(bytes: 1) }
        #expect(window.size(wanted: 5000) == 110)
        #expect(window.size(wanted: 7) == 7)
        for _ in 0..<500 { window.saw(bytes: 1) }
        #expect(window.size(wanted: 5000) == 1000)
        #expect(window.size(wanted: 0) == 1)
    }

    @Test func `large ones come one by one, also when small ones follow`() {
        var window = LookWindow()
        for _ in 0..<500 { window.saw(bytes: 10) }
        window.saw(bytes: 1 << 20)
        #expect(window.size(wanted: 5000) == 8)
        window.saw(bytes: 100 << 20)
        window.saw(bytes: 1)
        #expect(window.size(wanted: 5000) == 1)
    }
}
