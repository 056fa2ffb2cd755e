namespace Ardir.Core;

/// <summary>A data file is not what it claims to be: truncated, of the wrong size, or with values out of range. Nothing was loaded.</summary>
public sealed class DataFormatException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which file, what it holds and what was expected.</param>
    public DataFormatException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which file, what it holds and what was expected.</param>
    /// <param name="innerException">What the decoder said.</param>
    public DataFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
