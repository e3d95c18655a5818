import Glibc

/// Why there is no ledger.
package struct LedgerFileError: Error, CustomStringConvertible {
    package let path: String
    package let what: String
    /// What the system said; 0 if it is our own word.
    package let code: Int32

    package init(path: String, what: String, code: Int32 = 0) {
        self.path = path
        self.what = what
        self.code = code
    }

    package var description: String {
        "\(self.path) \(self.what)" + (self.code == 0 ? "" : ": \(String(cString: strerror(self.code)))")
    }
}

/// A ledger's file, open and locked: nobody else has it as long as this process lives.
///
/// What is there and is no ledger of ours stays as it is: it is not written to, and not removed.
package struct LedgerFile {
    package let path: String
    package let descriptor: Int32
    /// It was not there before.
    private let isMade: Bool
    /// False if it was there and empty: it is taken, and not removed.
    private let isOurs: Bool

    /// How many processes on one machine may share a name.
    private static let copies = 64

    /// Opens `path`, or `path-2`, `path-3`… if another process has it.
    ///
    /// - Throws: Why there is none.
    package static func open(_ path: String) throws(LedgerFileError) -> LedgerFile {
        Self.makeFolders(of: path)
        if let file = try Self.lock(path) { return file }
        for copy in 2...Self.copies {
            let name = "\(path)-\(copy)"
            // Nobody has named this one: what is no ledger is somebody else's, and the next may be free.
            if Self.problem(at: name) != nil { continue }
            if let file = try Self.lock(name) { return file }
        }
        throw LedgerFileError(path: path, what: "and \(Self.copies - 1) more like it are in use", code: EBUSY)
    }

    /// Why a path can not be a ledger's, without changing anything; nil if it can, or if there is nothing yet.
    package static func problem(at path: String) -> LedgerFileError? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }  // whoever opens it will be told
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: return LedgerFileError(path: path, what: "is a folder; name a file in it")
        case S_IFLNK: return LedgerFileError(path: path, what: "is a symbolic link; name the file itself")
        default: return LedgerFileError(path: path, what: "is no file, but a device, a pipe or a socket")
        }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return LedgerFileError(path: path, what: "can not be opened", code: errno) }
        defer { Glibc.close(descriptor) }
        return Self.problem(of: descriptor, at: path)
    }

    /// By how it begins: a ledger that is cut or damaged is one all the same.
    private static func problem(of descriptor: Int32, at path: String) -> LedgerFileError? {
        var magic: UInt64 = 0
        switch pread(descriptor, &magic, 8, 0) {
        case 0: return nil
        case 8 where magic == LedgerLayout.magic: return nil
        case 8 where LedgerLayout.isOtherVersion(magic):
            let what = "is a crash ledger of another version of Millrace; it stays as it is"
            return LedgerFileError(path: path, what: what)
        case 0...: return LedgerFileError(path: path, what: "is there and is no crash ledger; it stays as it is")
        default: return LedgerFileError(path: path, what: "can not be read", code: errno)
        }
    }

    /// Nil if another process has it.
    private static func lock(_ path: String) throws(LedgerFileError) -> LedgerFile? {
        while true {
            if let problem = Self.problem(at: path) { throw problem }
            let mode = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
            var descriptor = Glibc.open(path, mode | O_CREAT | O_EXCL, 0o600)
            let isMade = descriptor >= 0
            if !isMade, errno == EEXIST {
                descriptor = Glibc.open(path, mode)
                if descriptor < 0, errno == ENOENT { continue }  // removed in between
            }
            guard descriptor >= 0 else { throw LedgerFileError(path: path, what: "can not be opened", code: errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                Glibc.close(descriptor)
                if code == EWOULDBLOCK { return nil }
                throw LedgerFileError(path: path, what: "can not be locked", code: code)
            }
            // The one that had it may have removed it in between: then this is a file that nobody will find.
            guard let status = Self.status(of: descriptor, at: path) else {
                Glibc.close(descriptor)
                continue
            }
            // Looked at again: now nobody else has it.
            if let problem = Self.problem(of: descriptor, at: path) {
                Glibc.close(descriptor)
                throw problem
            }
            // Its owner may have it open, whatever its modes become.
            guard status.st_uid == geteuid() else {
                Glibc.close(descriptor)
                throw LedgerFileError(path: path, what: "belongs to another user", code: EPERM)
            }
            return LedgerFile(
                path: path,
                descriptor: descriptor,
                isMade: isMade,
                isOurs: isMade || status.st_size > 0
            )
        }
    }

    /// Nil if the name leads somewhere else, or nowhere.
    private static func status(of descriptor: Int32, at path: String) -> stat? {
        var own = stat()
        var named = stat()
        guard fstat(descriptor, &own) == 0, lstat(path, &named) == 0, own.st_ino == named.st_ino,
            own.st_dev == named.st_dev
        else { return nil }
        return own
    }

    private static func makeFolders(of path: String) {
        // One that is there already is none the worse.
        for (index, character) in path.utf8.enumerated() where character == UInt8(ascii: "/") && index > 0 {
            mkdir(String(decoding: path.utf8.prefix(index), as: UTF8.self), 0o700)
        }
    }

    /// What is in it; nil if it is no ledger, nothing if it is empty.
    package func read() -> (image: LedgerImage?, isEmpty: Bool) {
        var status = stat()
        guard fstat(self.descriptor, &status) == 0, status.st_size > 0 else { return (nil, true) }
        let limit = LedgerLayout.octets(slots: LedgerLayout.slotLimit)
        guard status.st_size <= limit else { return (nil, false) }
        var octets = [UInt8](repeating: 0, count: Int(status.st_size))
        var offset = 0
        while offset < octets.count {
            let count = octets.withUnsafeMutableBytes {
                pread(self.descriptor, $0.baseAddress.map { $0 + offset }, $0.count - offset, off_t(offset))
            }
            guard count > 0 else { return (nil, false) }
            offset += count
        }
        return (octets.withUnsafeBytes { LedgerImage($0) }, false)
    }

    /// In memory, at least as long as wanted.
    ///
    /// From here on nobody but its owner can open it, however it was made: it holds parts of messages.
    ///
    /// It is never cut, so that what it says is lost neither to a full disk nor to an end right after this.
    ///
    /// - Parameters:
    ///   - wanted: Octets.
    ///   - isKept: False makes it anew first: all zeros, but for a header that is not whole yet.
    /// - Returns: All of it.
    /// - Throws: If there is no room on the disk, among others.
    package func map(octets wanted: Int, isKept: Bool) throws(LedgerFileError) -> UnsafeMutableRawBufferPointer {
        var status = stat()
        guard fchmod(self.descriptor, 0o600) == 0 else {
            throw LedgerFileError(path: self.path, what: "can not be made private", code: errno)
        }
        guard isKept || ftruncate(self.descriptor, 0) == 0, fstat(self.descriptor, &status) == 0 else {
            throw LedgerFileError(path: self.path, what: "can not be written", code: errno)
        }
        let octets = max(wanted, Int(status.st_size))
        // A file without a beginning is none of ours: one that is left as it is made has to have one.
        let beginning = [LedgerLayout.magic, .max]
        guard isKept || pwrite(self.descriptor, beginning, 16, 0) == 16 else {
            throw LedgerFileError(path: self.path, what: "can not be written", code: errno)
        }
        // A page that finds no room on the disk later would end the process.
        let code = posix_fallocate(self.descriptor, 0, off_t(octets))
        guard code == 0 else {
            _ = ftruncate(self.descriptor, status.st_size)  // as it was: a part of a slot more would be no ledger
            throw LedgerFileError(path: self.path, what: "can not be written", code: code)
        }
        guard let memory = mmap(nil, octets, PROT_READ | PROT_WRITE, MAP_SHARED, self.descriptor, 0),
            memory != MAP_FAILED
        else { throw LedgerFileError(path: self.path, what: "can not be mapped", code: errno) }
        return UnsafeMutableRawBufferPointer(start: memory, count: octets)
    }

    /// Removes the file, whose lock is still ours, and lets go of it.
    ///
    /// Should somebody have removed it before, another process may have a ledger of that name by now: that one stays.
    /// And one that somebody had put there stays too, whatever is in it by now.
    package func remove() {
        if self.isOurs, Self.status(of: self.descriptor, at: self.path) != nil { unlink(self.path) }
        self.close()
    }

    /// Lets go of it, and of its lock, which else a child that has not begun its program yet would hold.
    package func close() {
        flock(self.descriptor, LOCK_UN)
        Glibc.close(self.descriptor)
    }

    /// There will be no ledger: nothing stays that was not there.
    package func abandon() { if self.isMade { self.remove() } else { self.close() } }
}

/// Where a supervisor's ledger is unless the job file says so.
package enum LedgerPath {
    /// `FOLDER/NAME-HASH.ledger`: by the job file's own path, so that each has one.
    ///
    /// The folder is systemd's `StateDirectory`, `$XDG_STATE_HOME/millrace` or `~/.local/state/millrace`.
    ///
    /// - Returns: Nil without any of them.
    package static func of(jobFile: String, environment: (String) -> String?) -> String? {
        let folder: String
        if let states = environment("STATE_DIRECTORY"), let first = states.split(separator: ":").first {
            folder = String(first)
        } else if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") {
            folder = state + "/millrace"
        } else if let home = environment("HOME"), home.hasPrefix("/"), home != "/" {
            folder = home + "/.local/state/millrace"
        } else {
            return nil
        }
        var hash = StableHash()
        hash.add(jobFile.utf8)
        let name = jobFile.split(separator: "/").last ?? "jobs"
        return "\(folder)/\(String(decoding: name.utf8.prefix(100), as: UTF8.self))-\(hash.digits).ledger"
    }

    /// The job file by its one true path; as it is if it has none, as a text from somewhere else.
    package static func absolute(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}
