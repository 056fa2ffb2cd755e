namespace Ardir.Core;

/// <summary>
/// A data file does not have the expected content: it is truncated, has the wrong size or checksum, or holds values out of range.
/// Nothing was loaded.
/// </summary>
public sealed class DataFormatException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which file, what it holds and what was expected.</param>
    public DataFormatException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which file, what it holds and what was expected.</param>
    /// <param name="innerException">The decoder's exception.</param>
    public DataFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
