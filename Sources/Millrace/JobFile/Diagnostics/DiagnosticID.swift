/// The stable words that name each kind of diagnostic; `Fixtures/jobs/<word>.yaml` shows each of them.
package enum DiagnosticID: String, Sendable, CaseIterable {
    // The file and its text.
    case fileUnreadable = "file-unreadable"
    case fileTooLarge = "file-too-large"
    case notUTF8 = "not-utf8"
    case controlCharacter = "control-character"
    case emptyFile = "empty-file"
    // YAML.
    case yamlSyntax = "yaml-syntax"
    case multipleDocuments = "multiple-documents"
    case tag
    case tooDeep = "too-deep"
    case tooManyNodes = "too-many-nodes"
    case aliasBudget = "alias-budget"
    case unknownAlias = "unknown-alias"
    case duplicateKey = "duplicate-key"
    case complexKey = "complex-key"
    case mergeKey = "merge-key"
    // Variables.
    case unsetVariable = "unset-variable"
    case badVariable = "bad-variable"
    case expansionTooLarge = "expansion-too-large"
    // Keys and values.
    case missingKey = "missing-key"
    case unknownKey = "unknown-key"
    case foreignWord = "foreign-word"
    case notYet = "not-yet"
    case wrongType = "wrong-type"
    case unknownValue = "unknown-value"
    case outOfRange = "out-of-range"
    case durationUnit = "duration-unit"
    case badDuration = "bad-duration"
    case badVersion = "bad-version"
    case badName = "bad-name"
    case badHandler = "bad-handler"
    case badURI = "bad-uri"
    case noJobs = "no-jobs"
    // What the parts say together.
    case conflict
    case tooManyThreads = "too-many-threads"
    case consumerTimeout = "consumer-timeout"
    case ledgerFull = "ledger-full"
    case noDeadLetter = "no-dead-letter"
    case transientQueue = "transient-queue"
    case streamWithoutAcks = "stream-without-acks"
    case deliveryLimit = "delivery-limit"
    case unknownExchange = "unknown-exchange"
    case unknownQueue = "unknown-queue"
}
