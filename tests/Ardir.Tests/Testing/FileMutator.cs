namespace Ardir.Tests;

/// <summary>Hostile variants of valid files, from a seed.</summary>
internal static class FileMutator
{
    private static readonly byte[] _telling = [0x00, 0x01, 0x7F, 0x80, 0xFF, (byte)'(', (byte)')', (byte)'.', (byte)'c', (byte)'R', (byte)'Q', (byte)'{', (byte)'"', (byte)'9'];

    /// <summary>One variant.</summary>
    /// <param name="valid">A valid file.</param>
    /// <param name="random">Decides everything.</param>
    public static byte[] Mutate(byte[] valid, Random random)
    {
        switch (random.Next(8))
        {
            case 0: return valid[..random.Next(valid.Length)];
            case 1:
                var noise = new byte[random.Next(400)];
                random.NextBytes(noise);
                return [.. valid.AsSpan(0, Math.Min(random.Next(32), valid.Length)), .. noise];
            case 2: return [.. valid, .. valid.AsSpan(random.Next(valid.Length))];
            case 3:
                var (from, to) = (random.Next(valid.Length), random.Next(valid.Length));
                return [.. valid.AsSpan(0, Math.Min(from, to)), .. valid.AsSpan(Math.Max(from, to))];
            default:
                var copy = valid.ToArray();
                // Where formats keep their structure: at both ends, mostly.
                for (var changes = 1 + random.Next(random.Next(2) == 0 ? 3 : 30); changes > 0; changes--)
                {
                    var place = random.Next(3) switch { 0 => random.Next(copy.Length), 1 => random.Next(Math.Min(copy.Length, 600)), _ => copy.Length - 1 - random.Next(Math.Min(copy.Length, 600)) };
                    copy[place] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => _telling[random.Next(_telling.Length)], _ => (byte)(copy[place] ^ (1 << random.Next(8))) };
                }
                return copy;
        }
    }
}
