/// The `crash_ledger` of a job file: how messages that crash the process are found out.
public struct CrashLedgerSettings: Sendable, Equatable {
    /// Its file; nil is one by the job file's name, in the folder for state of systemd or of the user.
    public var path: String?
    /// A message that was in hand at so many crashes is a dead letter; 2 unless given, 2…100.
    public var maxCrashes: Int

    /// Makes settings in code; nothing is checked.
    public init(path: String? = nil, maxCrashes: Int = 2) {
        self.path = path
        self.maxCrashes = maxCrashes
    }
}
