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
        for name in ["a.ledger", "a.ledger-2", "a.ledger-3"] { unlink(self.folder + "/deep/er/" + name) }
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

    private func octets(_ name: String = "a.ledger") -> [UInt8]? {
        guard let file = fopen(self.folder + "/deep/er/" + name, "r") else { return nil }
        defer { fclose(file) }
        var octets = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&octets, 1, octets.count, file)
        return Array(octets.prefix(count))
    }

    private func put(_ octets: [UInt8], _ name: String = "a.ledger") throws {
        for folder in ["/deep", "/deep/er"] { mkdir(self.folder + folder, 0o700) }
        let file = try #require(fopen(self.folder + "/deep/er/" + name, "w"))
        #expect(fwrite(octets, 1, octets.count, file) == octets.count)
        fclose(file)
    }

    private func refusal() -> String? {
        do throws(LedgerFileError) {
            try LedgerFile.open(self.path).close()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `a foreign file of any size is refused, and stays as it is`() throws {
        let size = LedgerLayout.octets(slots: 2)
        for octets in [
            [1], Array("version: 1\n".utf8), [UInt8](repeating: 255, count: size), [UInt8](repeating: 0, count: size),
            [0x4D, 0x4C, 0x43, 0x52], [UInt8](repeating: 7, count: LedgerLayout.octets(slots: 16)),
        ] {
            try self.put(octets)
            #expect(self.refusal()?.contains("is there and is no crash ledger; it stays as it is") == true)
            #expect(LedgerFile.problem(at: self.path) != nil)
            let isSame = self.octets() == octets  // not in the macro, which would print both
            #expect(isSame)
        }
    }

    @Test func `a ledger of another version is refused, and stays as it is`() throws {
        var octets = self.image()
        octets[7] = UInt8(ascii: "2")
        try self.put(octets)
        #expect(self.refusal()?.contains("is a crash ledger of another version of Millrace") == true)
        let isSame = self.octets() == octets
        #expect(isSame)
    }

    @Test func `a folder, a link, a device and a pipe are no files`() throws {
        try self.put([])
        #expect(unlink(self.path) == 0)
        #expect(mkdir(self.path, 0o700) == 0)
        #expect(self.refusal()?.contains("is a folder") == true)
        #expect(rmdir(self.path) == 0)
        for target in ["/etc/hostname", "/nowhere/at/all", "/dev/null"] {
            #expect(symlink(target, self.path) == 0)
            #expect(self.refusal()?.contains("is a symbolic link") == true)
            #expect(unlink(self.path) == 0)
        }
        #expect(mkfifo(self.path, 0o600) == 0)
        #expect(self.refusal()?.contains("is no file") == true)
        #expect(unlink(self.path) == 0)
        #expect(throws: LedgerFileError.self) { try LedgerFile.open("/dev/null") }
        #expect(throws: LedgerFileError.self) { try LedgerFile.open("/dev/full") }
    }

    @Test func `an empty file is taken, and not removed; one of ours is removed`() throws {
        try self.put([])
        #expect(LedgerFile.problem(at: self.path) == nil)
        let empty = try LedgerFile.open(self.path)
        #expect(empty.read().isEmpty)
        empty.remove()
        #expect(self.octets() == [])
        #expect(unlink(self.path) == 0)
        let made = try LedgerFile.open(self.path)
        #expect(self.octets() == [])
        made.abandon()
        #expect(self.octets() == nil)
    }

    @Test func `a run that dies while it makes its ledger leaves one that the next run takes`() throws {
        let file = try LedgerFile.open(self.path)
        let memory = try file.map(octets: LedgerLayout.octets(slots: 2), isKept: false)
        // As if the process had died here.
        munmap(memory.baseAddress, memory.count)
        file.close()
        let next = try LedgerFile.open(self.path)
        #expect(next.path == self.path)
        let (image, isEmpty) = next.read()
        #expect(image == nil)
        #expect(!isEmpty)
        next.remove()
    }

    /// As a child has it between its birth and its program.
    @Test func `a copy of its descriptor that somebody has holds no lock when it is closed`() throws {
        let file = try LedgerFile.open(self.path)
        let copy = dup(file.descriptor)
        defer { close(copy) }
        file.close()
        let next = try LedgerFile.open(self.path)
        #expect(next.path == self.path)
        next.remove()
    }

    @Test func `a second process leaves out a name that somebody else has`() throws {
        let foreign = Array("mine".utf8)
        let first = try LedgerFile.open(self.path)
        try self.put(foreign, "a.ledger-2")
        let second = try LedgerFile.open(self.path)
        #expect(second.path == self.path + "-3")
        second.remove()
        first.remove()
        #expect(self.octets("a.ledger-2") == foreign)
    }

    @Test func `a cut or damaged ledger is one all the same, and nothing that ends the process`() throws {
        let good = self.image()
        for octets in [
            Array(good.prefix(8)), Array(good.dropLast()), good + [0],
            Array(good.prefix(8)) + [UInt8](repeating: 255, count: good.count),
        ] {
            try self.put(octets)
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
        #expect(try file.map(octets: longer, isKept: false).dropFirst(16).allSatisfy { $0 == 0 })
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

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test func `nobody else can read it, however it was made, and folders that were made for it are as private`() throws
    {
        let file = try LedgerFile.open(self.path)
        #expect(self.mode(self.path) == 0o600)
        #expect(self.mode(self.folder + "/deep") == 0o700)
        #expect(self.mode(self.folder + "/deep/er") == 0o700)
        file.close()
        try self.fill(self.image())
        #expect(chmod(self.path, 0o666) == 0)
        let again = try LedgerFile.open(self.path)
        defer { again.close() }
        // What may be somebody's text file is not touched before it is known to be a ledger.
        #expect(self.mode(self.path) == 0o666)
        _ = try again.map(octets: LedgerLayout.octets(slots: 2), isKept: true)
        #expect(self.mode(self.path) == 0o600)
        #expect(fcntl(again.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `a link in its place is not followed, and another user's file is not taken`() throws {
        try LedgerFile.open(self.path).remove()
        #expect(symlink(self.folder + "/target", self.path) == 0)
        #expect(throws: LedgerFileError.self) { try LedgerFile.open(self.path) }
        #expect(access(self.folder + "/target", F_OK) != 0)
        #expect(unlink(self.path) == 0)
        try LedgerFile.open(self.path).close()
        guard geteuid() == 0, chown(self.path, 65_534, 65_534) == 0 else { return }
        #expect {
            try LedgerFile.open(self.path)
        } throws: {
            "\($0)".contains("belongs to another user")
        }
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
