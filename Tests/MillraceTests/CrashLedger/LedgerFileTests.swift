import Glibc
import Millrace
import Testing

/// The ledger's file, whatever state it is in.
@Suite final class LedgerFileTests {
    private let folder: String
    private var path: String { self.folder + "/deep/er/a.ledger" }

    init() {
        var name = Array("/tmp/millrace-ledger-XXXXXX".utf8CString)
        self.folder =
            name.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap(mkdtemp).map { String(cString: $0) } }
            ?? "/tmp"
    }

    deinit {
        for name in ["a.ledger", "a.ledger-2"] { unlink(self.folder + "/deep/er/" + name) }
        for name in ["/deep/er", "/deep", ""] { rmdir(self.folder + name) }
    }

    private func fill(_ octets: [UInt8]) throws {
        let file = try LedgerFile.open(self.path)
        #expect(ftruncate(file.descriptor, 0) == 0)
        #expect(pwrite(file.descriptor, octets, octets.count, 0) == octets.count)
        file.close()
    }

    /// A ledger of two slots, the second in use, and one suspect.
    private func image() -> [UInt8] {
        var words = [UInt64](repeating: 0, count: LedgerLayout.octets(slots: 2) / 8)
        words[LedgerLayout.Header.magic] = LedgerLayout.magic
        words[LedgerLayout.Header.slotCount] = 2
        words[LedgerLayout.Header.mark] = 11 << 32 | 4711
        var suspect = Suspect(fingerprint: Fingerprint(low: 5, high: 6))
        (suspect.halves, suspect.deaths, suspect.signal, suspect.lastDeath) = (3, 2, 4, 99)
        suspect.isolation = .worker
        suspect.lastDeathSinceBoot = 12_345
        words[LedgerLayout.Header.boot] = 99
        for (index, word) in suspect.words.enumerated() { words[LedgerLayout.headerOctets / 8 + index] = word }
        let slot = (LedgerLayout.slotsOffset + LedgerLayout.slotOctets) / 8
        words[slot + LedgerLayout.Slot.low] = 7
        words[slot + LedgerLayout.Slot.high] = 8
        words[slot + LedgerLayout.Slot.thread] = 4711
        return words.withUnsafeBytes { Array($0) }
    }

    @Test func `what a run left is read: suspects, slots in use, the signal and its thread`() throws {
        try self.fill(self.image())
        let file = try LedgerFile.open(self.path)
        defer { file.close() }
        let image = try #require(file.read().image)
        #expect(image.run.signal == 11)
        #expect(image.run.thread == 4711)
        #expect(image.run.inHand == [LastRun.InHand(Fingerprint(low: 7, high: 8), thread: 4711)])
        #expect(image.suspects.map(\.halves) == [3])
        #expect(image.suspects.map(\.isolation) == [.worker])
        #expect(image.suspects.map(\.signal) == [4])
        #expect(image.suspects.map(\.lastDeathSinceBoot) == [12_345])
        #expect(image.boot == 99)
    }

    @Test func `a foreign, cut or damaged file is no ledger, and nothing that ends the process`() throws {
        let good = self.image()
        for octets in [
            [1], Array("hello".utf8), Array(good.dropLast()), good + [0], [UInt8](repeating: 255, count: good.count),
        ] {
            try self.fill(octets)
            let file = try LedgerFile.open(self.path)
            let (image, isEmpty) = file.read()
            file.close()
            #expect(image == nil)
            #expect(!isEmpty)
        }
        // A suspect that was half written is left out; any other octet may be anything.
        for offset in stride(from: 0, to: 256, by: 7)
            + Array(LedgerLayout.headerOctets..<LedgerLayout.headerOctets + 64)
        {
            var octets = good
            octets[offset] ^= 0xFF
            let image = octets.withUnsafeBytes { LedgerImage($0) }
            if offset >= LedgerLayout.headerOctets { #expect(image?.suspects == [], "octet \(offset)") }
        }
    }

    @Test func `what it says outlives a longer file and a disk that is full`() throws {
        try self.fill(self.image())
        let file = try LedgerFile.open(self.path)
        defer { file.close() }
        let before = try #require(file.read().image)
        #expect {
            try file.map(octets: 1 << 62, isKept: true)
        } throws: {
            "\($0)".contains("can not be written")
        }
        #expect(file.read().image == before)
        let longer = LedgerLayout.octets(slots: 5)
        #expect(try file.map(octets: longer, isKept: true).count == longer)
        // As if the process had died here.
        #expect(file.read().image == before)
        #expect(try file.map(octets: LedgerLayout.octets(slots: 1), isKept: true).count == longer)
        #expect(file.read().image == before)
        #expect(try file.map(octets: longer, isKept: false).allSatisfy { $0 == 0 })
    }

    @Test func `a second process takes the next name, and the first name again when it is free`() throws {
        let first = try LedgerFile.open(self.path)
        let second = try LedgerFile.open(self.path)
        #expect(second.path == self.path + "-2")
        second.remove()
        first.remove()
        #expect(access(self.path, F_OK) != 0)
        let third = try LedgerFile.open(self.path)
        #expect(third.path == self.path)
        third.remove()
    }

    @Test func `a file that was removed under a running process takes no other one with it`() throws {
        let first = try LedgerFile.open(self.path)
        #expect(unlink(self.path) == 0)
        let second = try LedgerFile.open(self.path)
        #expect(second.path == self.path)
        first.remove()
        #expect(access(self.path, F_OK) == 0)
        second.remove()
        #expect(access(self.path, F_OK) != 0)
    }

    @Test func `a place where nothing can be written is an error that names it`() throws {
        #expect {
            try LedgerFile.open("/proc/none/a.ledger")
        } throws: {
            "\($0)".contains("/proc/none/a.ledger can not be opened")
        }
    }

    @Test func `where it is, unless the job file says so`() {
        func path(_ environment: [String: String]) -> String? {
            LedgerPath.of(jobFile: "/srv/shop/jobs.yaml") { environment[$0] }
        }
        #expect(path([:]) == nil)
        #expect(path(["HOME": "/"]) == nil)
        #expect(path(["HOME": "/root"])?.hasPrefix("/root/.local/state/millrace/jobs.yaml-") == true)
        #expect(path(["HOME": "/root", "XDG_STATE_HOME": "/x"])?.hasPrefix("/x/millrace/jobs.yaml-") == true)
        #expect(
            path(["STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "HOME": "/"])?.hasPrefix("/var/lib/a/jobs.yaml-") == true
        )
        #expect(
            LedgerPath.of(jobFile: "/a/jobs.yaml") { _ in "/x" } != LedgerPath.of(jobFile: "/b/jobs.yaml") { _ in "/x" }
        )
    }
}
