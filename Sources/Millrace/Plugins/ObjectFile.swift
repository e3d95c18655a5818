import Glibc

/// Whether a shared library has all its octets.
///
/// The system's loader maps one that lost its end without a word, and the process dies of a bus error when it touches
/// what is not there.
enum ObjectFile {
    private static let headerSize = 64
    private static let entrySize = 56
    /// PT_LOAD of elf.h.
    private static let loadSegment: UInt64 = 1

    /// False for a 64-bit ELF file with a segment beyond its end; true for all else, which the system's loader judges.
    static func isWhole(_ path: String, size: UInt64) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return true }
        defer { close(file) }
        guard let header = Self.read(file, Self.headerSize, at: 0), header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2])
        else {
            return true
        }
        let (table, entries) = (Self.number(header, at: 32, 8), Int(Self.number(header, at: 56, 2)))
        guard Self.number(header, at: 54, 2) == Self.entrySize else { return true }
        guard let offset = off_t(exactly: table), let octets = Self.read(file, entries * Self.entrySize, at: offset)
        else {
            return false
        }
        for entry in 0..<entries {
            let start = entry * Self.entrySize
            guard Self.number(octets, at: start, 4) == Self.loadSegment else { continue }
            let end = Self.number(octets, at: start + 8, 8)
                .addingReportingOverflow(Self.number(octets, at: start + 32, 8))
            guard !end.overflow, end.partialValue <= size else { return false }
        }
        return true
    }

    private static func read(_ file: Int32, _ count: Int, at offset: off_t) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: count)
        return pread(file, &octets, count, offset) == count ? octets : nil
    }

    /// Little-endian, as are all machines that Swift for Linux runs on.
    private static func number(_ octets: [UInt8], at start: Int, _ count: Int) -> UInt64 {
        octets[start..<start + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
