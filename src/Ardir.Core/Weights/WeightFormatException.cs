namespace Ardir.Core;

/// <summary>
/// A weight file is not what it claims to be: truncated, inconsistent, too large or of an unknown format; or it does not fit the module.
/// Nothing was loaded.
/// </summary>
public sealed class WeightFormatException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which file, what is wrong and what was expected.</param>
    public WeightFormatException(string message) : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">Which file, what is wrong and what was expected.</param>
    /// <param name="innerException">The error that the decoder reported.</param>
    public WeightFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
