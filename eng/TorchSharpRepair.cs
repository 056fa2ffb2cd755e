// Compiled by MSBuild in every build that uses the target of KeepArgumentsAlive.targets (also by Visual Studio's, on .NET Framework), and by the tests. It therefore reads
// the assembly by itself, without System.Reflection.Metadata, by the layouts of ECMA-335, partition II (24 and 25) and III (opcodes).
#nullable disable
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Ardir.Build;

/// <summary>A copy of TorchSharp.dll whose methods with native calls are marked as not to be optimised, so that the runtime keeps their arguments alive to their end.</summary>
internal sealed class TorchSharpRepair
{
    private const int TypeRef = 1, TypeDef = 2, Field = 4, Method = 6, Param = 8, MemberRef = 0x0A, Event = 0x14, Property = 0x17, ModuleRef = 0x1A, TypeSpec = 0x1B;
    private const int Assembly = 0x20, AssemblyRef = 0x23;
    private const int PInvoke = 0x2000, NoOptimization = 0x40, AggressiveInlining = 0x100;

    /// <summary>Columns of the tables up to Assembly. A digit is a number's size; S, G and B are heaps; r is a row of the table after it; c is a coded index of the set after it.</summary>
    private static readonly string[] _schema =
    [
        "2SGGG", "c0SS", "4SSc1r04r06", "r04", "2SB", "r06", "422SBr08", "r08", "22S", "r02c1", "c2SB", "2c3B", "c4c5B", "c6B", "2c7B", "24r02",
        "4r04", "B", "r02r14", "r14", "2Sc1", "r02r17", "r17", "2SB", "2r06c8", "r02c9c9", "S", "B", "2cASr1A", "4r04", "44", "4", "422224BSS",
    ];

    /// <summary>Tables that a coded index may point to; the tag's bits come first.</summary>
    private static readonly int[][] _coded =
    [
        [2, 0, ModuleRef, AssemblyRef, TypeRef], [2, TypeDef, TypeRef, TypeSpec], [3, TypeDef, TypeRef, ModuleRef, Method, TypeSpec], [2, Field, Param, Property],
        [5, Method, Field, TypeRef, TypeDef, Param, 9, MemberRef, 0, 0x0E, Property, Event, 0x11, ModuleRef, TypeSpec, Assembly, AssemblyRef, 0x26, 0x27, 0x28, 0x2A, 0x2C, 0x2B],
        [3, Method, MemberRef], [1, Field, Param], [2, TypeDef, Method, Assembly], [1, Event, Property], [1, Method, MemberRef], [1, Field, Method],
    ];

    private readonly byte[] _bytes;
    private readonly int[] _rows = new int[64];
    private readonly int[] _table = new int[Assembly + 1];
    private readonly int[] _rowSize = new int[Assembly + 1];
    private readonly List<int[]> _sections = [];
    private int _heapSizes;

    private TorchSharpRepair(byte[] bytes) { _bytes = bytes; }

    /// <summary>The file with the marks, of the same length.</summary>
    public byte[] Bytes { get { return _bytes; } }

    /// <summary>The assembly's version.</summary>
    public Version Version { get; private set; }

    /// <summary>Whether the version is one that needs the repair: 0.107.0 or below.</summary>
    public bool Needed { get; private set; }

    /// <summary>How many methods call native code; 0 when the version does not need the repair.</summary>
    public int Methods { get; private set; }

    /// <summary>Reads an assembly and marks a copy of it. Throws <see cref="InvalidDataException"/> when it is no TorchSharp.dll or damaged.</summary>
    public static TorchSharpRepair Of(byte[] original)
    {
        var repair = new TorchSharpRepair((byte[])original.Clone());
        try { repair.Run(); }
        catch (Exception e) when (e is IndexOutOfRangeException || e is ArgumentException || e is OverflowException)
        {
            throw new InvalidDataException("it is damaged or no .NET assembly", e);
        }
        return repair;
    }

    private void Run()
    {
        ReadTables(Metadata());
        if (_rows[Assembly] != 1) throw new InvalidDataException("it holds no assembly");
        int row = _table[Assembly];
        Version = new Version(U16(row + 4), U16(row + 6), U16(row + 8), U16(row + 10));
        Needed = new Version(Version.Major, Version.Minor, Version.Build) <= new Version(0, 107, 0);
        if (!Needed) return;
        for (int method = 1; method <= _rows[Method]; method++)
        {
            int at = Row(method), body = I32(at);
            if (body == 0 || !CallsNativeCode(Offset(body))) continue;
            _bytes[at + 4] |= NoOptimization;
            _bytes[at + 5] &= 0xFF ^ AggressiveInlining >> 8;
            Methods++;
        }
        if (Methods == 0) throw new InvalidDataException("no method in it calls native code");
    }

    /// <summary>Where the metadata begins, by the headers of the file.</summary>
    private int Metadata()
    {
        int pe = I32(0x3C);
        if (U16(0) != 0x5A4D || I32(pe) != 0x4550) throw new InvalidDataException("it is no executable file of Windows' format");
        int optional = pe + 24, directories = optional + (U16(optional) == 0x20B ? 112 : 96);
        for (int i = 0, at = optional + U16(pe + 20); i < U16(pe + 6); i++, at += 40) _sections.Add([I32(at + 12), I32(at + 16), I32(at + 20)]);
        int header = I32(directories + 14 * 8);
        if (header == 0) throw new InvalidDataException("it is no .NET assembly");
        int cli = Offset(header);
        if (I32(cli + 64) != 0) throw new InvalidDataException("it carries precompiled code (ReadyToRun), which the marks would not reach");
        int root = Offset(I32(cli + 8));
        if (I32(root) != 0x424A5342) throw new InvalidDataException("its metadata has no signature");
        return root;
    }

    private void ReadTables(int root)
    {
        int at = root + 20 + I32(root + 12), streams = U16(at - 2), tables = -1;
        for (int i = 0; i < streams; i++)
        {
            int name = at + 8, end = Array.IndexOf(_bytes, (byte)0, name);
            if (Encoding.ASCII.GetString(_bytes, name, end - name) == "#~") tables = root + I32(at);
            at = name + (end - name) / 4 * 4 + 4;
        }
        if (tables < 0) throw new InvalidDataException("it has no table of methods");
        _heapSizes = _bytes[tables + 6];
        long valid = BitConverter.ToInt64(_bytes, tables + 8);
        int next = tables + 24;
        for (int table = 0; table < 64; table++)
        {
            if ((valid >> table & 1) == 0) continue;
            _rows[table] = I32(next);
            if (_rows[table] < 0 || _rows[table] > 0xFFFFFF) throw new InvalidDataException("a table of it has an impossible size");
            next += 4;
        }
        for (int table = 0; table <= Assembly; table++)
        {
            _table[table] = next;
            _rowSize[table] = RowSize(_schema[table]);
            next = checked(next + _rows[table] * _rowSize[table]);
        }
    }

    private int RowSize(string schema)
    {
        int size = 0;
        for (int i = 0; i < schema.Length; i++)
        {
            switch (schema[i])
            {
                case 'S': size += (_heapSizes & 1) != 0 ? 4 : 2; break;
                case 'G': size += (_heapSizes & 2) != 0 ? 4 : 2; break;
                case 'B': size += (_heapSizes & 4) != 0 ? 4 : 2; break;
                case 'r': size += _rows[Convert.ToInt32(schema.Substring(i + 1, 2), 16)] > 0xFFFF ? 4 : 2; i += 2; break;
                case 'c': size += CodedSize(_coded[Convert.ToInt32(schema.Substring(++i, 1), 16)]); break;
                default: size += schema[i] - '0'; break;
            }
        }
        return size;
    }

    private int CodedSize(int[] set)
    {
        for (int i = 1; i < set.Length; i++) if (_rows[set[i]] >= 1 << 16 - set[0]) return 4;
        return 2;
    }

    /// <summary>Walks the instructions of a body: whether one of them calls a method that is implemented in a native library.</summary>
    private bool CallsNativeCode(int body)
    {
        bool tiny = (_bytes[body] & 3) == 2;
        int at = body + (tiny ? 1 : U16(body) >> 12 << 2), end = checked(at + (tiny ? _bytes[body] >> 2 : I32(body + 4)));
        if (!tiny && ((_bytes[body] & 3) != 3 || end < at || end > _bytes.Length)) throw new InvalidDataException("the body of a method in it is damaged");
        while (at < end)
        {
            int code = _bytes[at++];
            if (code == 0xFE) code = 0xFE00 | _bytes[at++];
            if (code == 0x28 && IsNative(I32(at))) return true;
            if (code == 0x45 && I32(at) < 0) throw new InvalidDataException("the body of a method in it is damaged");
            at = checked(at + (code == 0x45 ? 4 + 4 * I32(at) : OperandSize(code)));
        }
        return false;
    }

    private bool IsNative(int token) => token >> 24 == Method && (U16(Row(token & 0xFFFFFF) + 6) & PInvoke) != 0;

    private static int OperandSize(int code)
    {
        if (code >= 0x0E && code <= 0x13 || code == 0x1F || code >= 0x2B && code <= 0x37 || code == 0xDE || code == 0xFE12 || code == 0xFE19) return 1;
        if (code >= 0xFE09 && code <= 0xFE0E) return 2;
        if (code == 0x21 || code == 0x23) return 8;
        if (code == 0x20 || code == 0x22 || code >= 0x27 && code <= 0x29 || code >= 0x38 && code <= 0x44 || code >= 0x6F && code <= 0x75 || code == 0x79) return 4;
        if (code >= 0x7B && code <= 0x81 || code == 0x8C || code == 0x8D || code == 0x8F || code >= 0xA3 && code <= 0xA5 || code == 0xC2 || code == 0xC6) return 4;
        if (code == 0xD0 || code == 0xDD || code == 0xFE06 || code == 0xFE07 || code == 0xFE15 || code == 0xFE16 || code == 0xFE1C) return 4;
        if (code > 0xE0 && code < 0xFE00 || code > 0xFE1E) throw new InvalidDataException("a method in it holds an unknown instruction");
        return 0;
    }

    private int Row(int method)
    {
        if (method < 1 || method > _rows[Method]) throw new InvalidDataException("it calls a method that it does not hold");
        return _table[Method] + (method - 1) * _rowSize[Method];
    }

    private int Offset(int address)
    {
        foreach (int[] section in _sections)
            if (address >= section[0] && address - section[0] < section[1]) return address - section[0] + section[2];
        throw new InvalidDataException("an address in it lies outside of its sections");
    }

    private int U16(int at) { return BitConverter.ToUInt16(_bytes, at); }

    private int I32(int at) { return BitConverter.ToInt32(_bytes, at); }
}

#if !ARDIR_TESTS
/// <summary>Writes the repaired copy, or, when this version needs no repair, no copy. The stamp says when and what was done.</summary>
public sealed class ArdirKeepArgumentsAlive : Microsoft.Build.Utilities.Task
{
    [Microsoft.Build.Framework.Required] public string Source { get; set; }

    [Microsoft.Build.Framework.Required] public string Destination { get; set; }

    [Microsoft.Build.Framework.Required] public string Project { get; set; }

    public override bool Execute()
    {
        try
        {
            TorchSharpRepair repair = TorchSharpRepair.Of(File.ReadAllBytes(Source));
            string about = repair.Needed
                ? "the copy of TorchSharp " + repair.Version.ToString(3) + " in the output keeps arguments of native calls alive (" + repair.Methods
                    + " methods marked), since collections on other threads would free what libtorch reads. Off: ArdirKeepArgumentsAlive=false."
                : "TorchSharp " + repair.Version.ToString(3) + " is above 0.107.0 and is left alone by ArdirKeepArgumentsAlive.";
            if (repair.Needed) Write(repair.Bytes, Destination);
            else File.Delete(Destination);
            Write(Encoding.UTF8.GetBytes(about), Destination + ".stamp");
            Log.LogMessage(Microsoft.Build.Framework.MessageImportance.High, "{0} -> Ardir: {1}", Project, about);
        }
        catch (Exception e) when (e is IOException || e is InvalidDataException || e is UnauthorizedAccessException)
        {
            File.Delete(Destination);
            Log.LogError(null, "ARDIR001", null, null, 0, 0, 0, 0, "TorchSharp cannot be repaired: {0}: {1}. Restore the package again, or set the property "
                + "ArdirKeepArgumentsAlive to false: the program then uses this file as it is (docs/backends.md of Ardir says what may happen).", Source, e.Message);
        }
        return !Log.HasLoggedErrors;
    }

    /// <summary>A new file, then a rename: a build beside this one never sees half of it, and hard links to the old file keep their content.</summary>
    private static void Write(byte[] content, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path));
        string temporary = path + "." + Guid.NewGuid().ToString("N");
        try
        {
            File.WriteAllBytes(temporary, content);
            if (File.Exists(path)) File.Replace(temporary, path, null);
            else File.Move(temporary, path);
        }
        finally { File.Delete(temporary); }
    }
}
#endif
