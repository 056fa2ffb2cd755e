using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using OperandType = System.Reflection.Emit.OperandType;

namespace Ardir.Tests;

/// <summary>Finds the methods of an assembly that call native code, by the runtime's own reader and opcodes: what the build's repair is compared with.</summary>
internal static class NativeCalls
{
    private static readonly Dictionary<int, OperandType> _operands = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => (int)(ushort)code.Value, code => code.OperandType);

    /// <summary>Where in the file the implementation flags (two bytes) of every method with a native call are.</summary>
    public static List<int> FlagOffsets(byte[] assembly)
    {
        using var file = new PEReader(new MemoryStream(assembly));
        var reader = file.GetMetadataReader();
        var native = reader.MethodDefinitions.Where(method => reader.GetMethodDefinition(method).Attributes.HasFlag(MethodAttributes.PinvokeImpl))
            .Select(method => MetadataTokens.GetToken(method)).ToHashSet();
        var table = file.PEHeaders.MetadataStartOffset + reader.GetTableMetadataOffset(TableIndex.MethodDef);
        var size = reader.GetTableRowSize(TableIndex.MethodDef);
        return reader.MethodDefinitions
            .Where(method => reader.GetMethodDefinition(method).RelativeVirtualAddress is var body and not 0 && Calls(file.GetMethodBody(body).GetILReader()).Any(native.Contains))
            .Select(method => table + (MetadataTokens.GetRowNumber(method) - 1) * size + 4).ToList();
    }

    /// <summary>Where in the file the assembly's version (four numbers of two bytes) is.</summary>
    public static int VersionOffset(byte[] assembly)
    {
        using var file = new PEReader(new MemoryStream(assembly));
        return file.PEHeaders.MetadataStartOffset + file.GetMetadataReader().GetTableMetadataOffset(TableIndex.Assembly) + 4;
    }

    private static List<int> Calls(BlobReader body)
    {
        var targets = new List<int>();
        while (body.RemainingBytes > 0)
        {
            int code = body.ReadByte();
            if (code == 0xFE) code = 0xFE00 | body.ReadByte();
            if (code == OpCodes.Call.Value) targets.Add(Peek(body));
            body.Offset += _operands[code] == OperandType.InlineSwitch ? 4 + 4 * Peek(body) : Size(_operands[code]);
        }
        return targets;
    }

    private static int Size(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };

    /// <summary>The number at the reader's place, which stays: the structure is a copy.</summary>
    private static int Peek(BlobReader reader) => reader.ReadInt32();
}
