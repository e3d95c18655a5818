import Millrace
import Testing

@Suite struct TokenLineTests {
    @Test func `tokens leave in their order, however long the line is`() {
        var line = TokenLine()
        for token: UInt64 in 0..<3000 { line.append(token) }
        var left: [UInt64] = []
        for _ in 0..<2500 {
            left.append(line.first ?? .max)
            line.removeFirst()
        }
        #expect(left == Array(0..<2500))
        #expect(line.count == 500 && !line.isEmpty)
        line.append(3000)
        #expect(line.first == 2500)
        #expect(line.removeAll() == Array(2500...3000))
        #expect(line == TokenLine())
    }

    @Test func `a line that was emptied one by one begins anew`() {
        var line = TokenLine()
        for token: UInt64 in 1...3 {
            line.append(token)
            #expect(line.first == token)
            line.removeFirst()
            #expect(line.isEmpty && line.first == nil && line.count == 0)
        }
        line.append(4)
        line.append(5)
        line.removeFirst()
        #expect(line.removeAll() == [5])
    }
}
