using System.Text;

namespace Ardir.Tests;

/// <summary>Pickles written operation by operation, as lists of operations that can be put together in ways Python never would.</summary>
internal static class PickleBytes
{
    // What Python would run on loading.
    private static readonly string[] _programs =
    [
        "cos\nsystem\n(X\u0004\0\0\0exittR.", "cposix\nsystem\nX\u0004\0\0\0exit\u0085R.", "cbuiltins\neval\nX\u0001\0\0\01\u0085R.", "c__builtin__\nexec\n(U\u0001xtR.",
        "csubprocess\nPopen\n)\u0081}b.", "(ios\nsystem\n.", "(cos\nsystem\nU\u0004exito.", "\u008c\u0002os\u008c\u0006system\u0093(U\u0004exittR.", "\u0082\u0001)R.",
        "ccopyreg\n_reconstructor\n(cos\nPathLike\ncobject\nobject\nNtR.", "cnumpy.core.multiarray\n_reconstruct\n)R.", "ctorch.hub\nload\n(U\u0001xtR.", "Pos.system\n.",
        "}U\u0001wcos\nsystem\n(U\u0004exittRs.", "ccollections\nOrderedDict\n(cos\nsystem\n)RtR.", "cbuiltins\ngetattr\n(cos\nsystem\nU\u0008__call__tR(U\u0004exittR.",
    ];

    private static readonly string[] _names =
    [
        "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._utils\n_rebuild_tensor\n", "ctorch._utils\n_rebuild_parameter\n", "ccollections\nOrderedDict\n", "ctorch\nSize\n", "ctorch\nFloatStorage\n",
        "ctorch\nBoolStorage\n", "ctorch\nComplexFloatStorage\n", "ctorch.storage\nUntypedStorage\n", "ctorch._utils\n_rebuild_tensor_v3\n", "cnumpy.core.multiarray\nscalar\n", "cos\nsystem\n",
    ];

    private static readonly string[] _operations =
    [
        "(", ")", "0", "1", "2", ".", "N", "\u0088", "\u0089", "}", "]", "t", "\u0085", "\u0086", "\u0087", "l", "d", "s", "u", "a", "e", "R", "b", "Q", "\u0081", "\u008f", "\u0090", "\u0091", "\u0093", "\u0094",
        "q\u0001", "h\u0001", "q\u0000", "h\u0000", "j\u0001\0\0\0", "r\u0001\0\0\0", "K\u0000", "K\u0001", "K\u0006", "M\u00ff\u00ff", "J\u00ff\u00ff\u00ff\u00ff", "J\u00ff\u00ff\u00ff\u007f", "\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f",
        "\u008a\u0010\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f", "\u008a\u0000", "G\u007f\u00f0\0\0\0\0\0\0", "U\u0001w", "U\u0007storage", "U\u0003cpu", "U\u00010", "U\u0000", "X\u0001\0\0\0w",
        "X\u00ff\u00ff\u00ff\u00ff", "\u008c\u0002\u00ff\u00fe", "\u0095\0\0\0\0\0\0\0\0", "\u0080\u0002", "\u0080\u00ff", "C\u0002ab", "i", "o", "V", "I01\n", "F1\n", "L1\n",
    ];

    public static byte[] Of(IEnumerable<string> operations) => [0x80, 2, .. Encoding.Latin1.GetBytes(string.Concat(operations))];

    /// <summary>A state dictionary with one tensor of floats in the storage "0", as operations.</summary>
    public static List<string> StateDict(string name, long stored, long offset, long[] sizes, long[] strides, bool legacy = false) =>
    [
        "}", Text(name), "ctorch._utils\n_rebuild_tensor_v2\n", "(", "(", "U\u0007storage", "ctorch\nFloatStorage\n", "U\u00010", "U\u0003cpu", Number(stored), .. legacy ? ["N"] : Array.Empty<string>(), "t", "Q",
        Number(offset), .. Numbers(sizes), .. Numbers(strides), "\u0089", "N", "t", "R", "s", ".",
    ];

    public static string Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return "X" + Encoding.Latin1.GetString(BitConverter.GetBytes(bytes.Length)) + Encoding.Latin1.GetString(bytes);
    }

    public static string Number(long value) => "\u008a\u0008" + Encoding.Latin1.GetString(BitConverter.GetBytes(value));

    /// <summary>A hostile pickle: one that would run something, one without end or bottom, one with impossible sizes, or the operations of a valid one shuffled.</summary>
    public static byte[] Hostile(Random random, bool legacy = false)
    {
        switch (random.Next(5))
        {
            case 0: return Of([_programs[random.Next(_programs.Length)]]);
            case 1:
                string[] nests = ["(", "]", "}", ")\u0085", "]2a", "}2s", "}U\u0001w", "]q\u0001h\u0001a", "(l", "2", "N", "U\u0001x", "}U\u0005model", "R", ")R", "h\u0002h\u0001R0"];
                var (nest, end) = (nests[random.Next(nests.Length)], random.Next(3) switch { 0 => ".", 1 => "s", _ => "" });
                var list = string.Concat("]q\u0001(", string.Concat(Enumerable.Repeat("U\u0001wN\u0086", random.Next(300))), "e\u00850ccollections\nOrderedDict\nq\u0000h\u0001\u0085q\u0001h\u0000q\u0002");
                return Of([random.Next(2) == 0 ? "" : list, .. Enumerable.Repeat(nest, 1 << random.Next(14)), .. Enumerable.Repeat(end, 1 + random.Next(300))]);
            case 2:
                return Of(StateDict(Name(random), Odd(random), Odd(random), [.. Enumerable.Range(0, random.Next(4)).Select(_ => Odd(random))], [.. Enumerable.Range(0, random.Next(4)).Select(_ => Odd(random))], legacy));
            default:
                var operations = StateDict("w", 6, 0, [2, 3], [3, 1], legacy);
                for (var changes = 1 + random.Next(6); changes > 0 && operations.Count > 1; changes--) Change(operations, random);
                return Of(operations);
        }
    }

    /// <summary>A number that a size might be, or should not.</summary>
    public static long Odd(Random random) => random.Next(8) switch
    {
        0 => 0, 1 => -1, 2 => long.MaxValue, 3 => long.MinValue, 4 => 1L << random.Next(63), 5 => int.MaxValue, _ => random.Next(8),
    };

    /// <summary>A name of an entry, perhaps one that wants to be a path.</summary>
    public static string Name(Random random) => random.Next(6) switch { 0 => "../../escape", 1 => "/etc/passwd", 2 => "C:\\x", 3 => "", 4 => "\u0000\u001b[2J\u202e", _ => "w" };

    private static void Change(List<string> operations, Random random)
    {
        var (at, other) = (random.Next(operations.Count), random.Next(operations.Count));
        switch (random.Next(6))
        {
            case 0: operations.RemoveAt(at); break;
            case 1: operations.Insert(at, operations[other]); break;
            case 2: (operations[at], operations[other]) = (operations[other], operations[at]); break;
            case 3: operations[at] = _names[random.Next(_names.Length)]; break;
            case 4: operations.Insert(at, _operations[random.Next(_operations.Length)]); break;
            default: operations[at] = random.Next(3) == 0 ? Number(Odd(random)) : _operations[random.Next(_operations.Length)]; break;
        }
    }

    private static IEnumerable<string> Numbers(long[] values) => ["(", .. values.Select(Number), "t"];
}
