import Examples
import Foundation
import Testing

@Suite
struct LedgerTests {
    private let path = NSTemporaryDirectory() + "ledger-\(UInt64.random(in: 0...UInt64.max)).tsv"

    @Test func `lines are appended to what is there, in their order`() throws {
        defer { try? FileManager.default.removeItem(atPath: self.path) }
        do {
            let ledger = try Ledger(path: self.path)
            try ledger.append(["one", "two"])
            try ledger.append([])
        }
        try Ledger(path: self.path).append(["drei, ä"])
        #expect(try String(contentsOfFile: self.path, encoding: .utf8) == "one\ntwo\ndrei, ä\n")
    }

    @Test func `a file that can not be opened is named with the reason`() {
        let error = #expect(throws: Ledger.Unwritable.self) { _ = try Ledger(path: "/nowhere/ledger") }
        #expect(error?.description == "'/nowhere/ledger' can not be opened: No such file or directory")
    }

    @Test func `a full disk is an error`() throws {
        let error = #expect(throws: Ledger.Unwritable.self) { try Ledger(path: "/dev/full").append(["x"]) }
        #expect(error?.description == "'/dev/full' can not be written: No space left on device")
    }
}
