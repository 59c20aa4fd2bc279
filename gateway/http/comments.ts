/** The comments of the protos, from the source info of the descriptor image: one line each, as descriptions want them. */
import type { DescEnum, DescEnumValue, DescField, DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';

type Commented = DescMessage | DescField | DescEnum | DescEnumValue | DescService | DescMethod;

/** The comment above a declaration; "" where there is none. */
export function comment(desc: Commented): string {
  const { file, path } = place(desc);
  const wanted = path.join('.');
  const found = file.sourceCodeInfo?.location.find((location) => location.path.join('.') === wanted);
  return (found?.leadingComments ?? '').replace(/\s+/g, ' ').trim();
}

/** Field numbers of descriptor.proto: message_type 4, enum_type 5, service 6, field 2, nested_type 3, value 2, method 2. */
function place(desc: Commented): { file: FileDescriptorProto; path: number[] } {
  switch (desc.kind) {
    case 'field': {
      const { file, path } = place(desc.parent);
      return { file, path: [...path, 2, desc.parent.proto.field.indexOf(desc.proto)] };
    }
    case 'enum_value': {
      const { file, path } = place(desc.parent);
      return { file, path: [...path, 2, desc.parent.proto.value.indexOf(desc.proto)] };
    }
    case 'rpc': {
      const { file, path } = place(desc.parent);
      return { file, path: [...path, 2, desc.parent.proto.method.indexOf(desc.proto)] };
    }
    case 'service':
      return { file: desc.file.proto, path: [6, desc.file.proto.service.indexOf(desc.proto)] };
    case 'message': {
      if (!desc.parent) return { file: desc.file.proto, path: [4, desc.file.proto.messageType.indexOf(desc.proto)] };
      const { file, path } = place(desc.parent);
      return { file, path: [...path, 3, desc.parent.proto.nestedType.indexOf(desc.proto)] };
    }
    case 'enum': {
      if (!desc.parent) return { file: desc.file.proto, path: [5, desc.file.proto.enumType.indexOf(desc.proto)] };
      const { file, path } = place(desc.parent);
      return { file, path: [...path, 4, desc.parent.proto.enumType.indexOf(desc.proto)] };
    }
  }
}
